"""Where each province stands on the map of tiles: the 34 provinces since 1/7/2025, roughly as they lie."""

from __future__ import annotations

# Code of the provincial Party committee: (column 1..4 from west to east, row from north to south). The code of its
# People's Committee is the same with "-UB" at the end. The numbers in the codes are those of the General Statistics
# Office.
TILES: dict[str, tuple[int, int]] = {
    "DP-12": (1, 1),  # Lai Châu
    "DP-15": (2, 1),  # Lào Cai
    "DP-08": (3, 1),  # Tuyên Quang
    "DP-04": (4, 1),  # Cao Bằng
    "DP-11": (1, 2),  # Điện Biên
    "DP-25": (2, 2),  # Phú Thọ
    "DP-19": (3, 2),  # Thái Nguyên
    "DP-20": (4, 2),  # Lạng Sơn
    "DP-14": (1, 3),  # Sơn La
    "DP-01": (2, 3),  # Hà Nội
    "DP-24": (3, 3),  # Bắc Ninh
    "DP-22": (4, 3),  # Quảng Ninh
    "DP-37": (2, 4),  # Ninh Bình
    "DP-33": (3, 4),  # Hưng Yên
    "DP-31": (4, 4),  # Hải Phòng
    "DP-38": (2, 5),  # Thanh Hóa
    "DP-40": (2, 6),  # Nghệ An
    "DP-42": (3, 6),  # Hà Tĩnh
    "DP-44": (3, 7),  # Quảng Trị
    "DP-46": (4, 7),  # Huế
    "DP-48": (4, 8),  # Đà Nẵng
    "DP-51": (4, 9),  # Quảng Ngãi
    "DP-52": (4, 10),  # Gia Lai
    "DP-66": (4, 11),  # Đắk Lắk
    "DP-75": (2, 12),  # Đồng Nai
    "DP-68": (3, 12),  # Lâm Đồng
    "DP-56": (4, 12),  # Khánh Hòa
    "DP-80": (1, 13),  # Tây Ninh
    "DP-79": (2, 13),  # Thành phố Hồ Chí Minh
    "DP-91": (1, 14),  # An Giang
    "DP-82": (2, 14),  # Đồng Tháp
    "DP-86": (3, 14),  # Vĩnh Long
    "DP-96": (1, 15),  # Cà Mau
    "DP-92": (2, 15),  # Cần Thơ
}
PEOPLES_COMMITTEE = "-UB"
