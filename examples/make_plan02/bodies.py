"""The bodies of the plan: units with short names and sources, their posts, and offices as holders of the posts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Row = dict[str, str]

OFFICES = {"head": "lanhdao", "deputy": "cappho", "focal_point": "daumoi"}
FOCAL_POINT = "Đầu mối theo dõi thực hiện Kế hoạch 02"

# Made up, so that the way round a vacant post can be seen; README.md says so beside the list.
ACTING_HEAD = ("CP-VASS", "DP-52-UB")
DEPUTY_ONLY = ("DP-11-UB",)
NO_HOLDER = ("DP-96-UB",)

SHORT_NAMES = {
    "BCD": "Ban Chỉ đạo Trung ương",
    "BCD-CQTT": "Cơ quan Thường trực BCĐ",
    "BCD-TGV": "Tổ Giúp việc BCĐ",
    "BCD-TTCH": "Trung tâm Chỉ huy NQ57",
    "CP-BCD": "Ban Chỉ đạo của Chính phủ",
    "DANG-VPTW": "Văn phòng TW Đảng",
    "DANG-BTC": "Ban Tổ chức TW",
    "DANG-UBKT": "Ủy ban Kiểm tra TW",
    "DANG-TGDV": "Ban Tuyên giáo và Dân vận TW",
    "DANG-NC": "Ban Nội chính TW",
    "DANG-CSCL": "Ban Chính sách, chiến lược TW",
    "DANG-DUCQD": "Đảng ủy các cơ quan Đảng TW",
    "DANG-DUCP": "Đảng ủy Chính phủ",
    "DANG-DUQH": "Đảng ủy Quốc hội",
    "DANG-DUMT": "Đảng ủy MTTQ, đoàn thể TW",
    "DANG-QUTW": "Quân ủy TW",
    "DANG-DUCA": "Đảng ủy Công an TW",
    "DANG-HVCT": "Học viện CTQG Hồ Chí Minh",
    "DANG-BND": "Báo Nhân Dân",
    "DANG-TCCS": "Tạp chí Cộng sản",
    "DANG-NXB": "NXB CTQG Sự thật",
    "CTN-VP": "Văn phòng Chủ tịch nước",
    "QH-HDDT": "Hội đồng Dân tộc",
    "QH-PLTP": "Ủy ban PL&TP của Quốc hội",
    "QH-KTTC": "Ủy ban KT&TC của Quốc hội",
    "QH-QPANDN": "Ủy ban QP, AN và ĐN của Quốc hội",
    "QH-VHXH": "Ủy ban VH&XH của Quốc hội",
    "QH-KHCNMT": "Ủy ban KH, CN và MT của Quốc hội",
    "QH-CTDB": "Ủy ban CTĐB của Quốc hội",
    "QH-DNGS": "Ủy ban DN&GS của Quốc hội",
    "QH-VP": "Văn phòng Quốc hội",
    "QH-KTNN": "Kiểm toán nhà nước",
    "CP-BNNMT": "Bộ NN&MT",
    "CP-BVHTTDL": "Bộ VH,TT&DL",
    "CP-BKHCN": "Bộ KH&CN",
    "CP-BGDDT": "Bộ GD&ĐT",
    "CP-BDTTG": "Bộ DT&TG",
    "CP-NHNN": "Ngân hàng Nhà nước",
    "CP-VOV": "Đài TNVN",
    "CP-VTV": "Đài THVN",
    "CP-TTXVN": "TTXVN",
    "CP-VAST": "Viện Hàn lâm KH&CN VN",
    "CP-VASS": "Viện Hàn lâm KHXH VN",
    "MT-UBTW": "Ủy ban TW MTTQ Việt Nam",
    "MT-TLD": "Tổng LĐLĐ Việt Nam",
    "MT-HND": "Hội Nông dân VN",
    "MT-DTN": "Trung ương Đoàn TNCS HCM",
    "MT-HPN": "Hội LHPN Việt Nam",
    "MT-CCB": "Hội CCB Việt Nam",
    "TP-TANDTC": "TAND tối cao",
    "TP-VKSTC": "VKSND tối cao",
}

# Where "Phó" before the head's title is not what the office is called.
DEPUTY_TITLES = {
    "Bộ trưởng": "Thứ trưởng",
    "Bộ trưởng, Chủ nhiệm Văn phòng": "Phó Chủ nhiệm Văn phòng",
    "Tổng Thư ký Quốc hội, Chủ nhiệm Văn phòng": "Phó Chủ nhiệm Văn phòng",
    "Tổ trưởng Tổ Giúp việc": "Tổ phó Tổ Giúp việc",
    "Bí thư thứ nhất": "Bí thư Ban Chấp hành Trung ương Đoàn",
    "Giám đốc - Tổng Biên tập": "Phó Giám đốc - Phó Tổng Biên tập",
}


def short_name(code: str, name: str) -> str:
    """Give the name for headlines; provinces follow one pattern, the others stand in a list."""
    if code in SHORT_NAMES:
        return SHORT_NAMES[code]
    shorter = name.replace("Ủy ban nhân dân", "UBND")
    return shorter.replace("thành phố ", "TP ").replace("Thành phố ", "TP ")


def title_in_full(unit: Mapping[str, str]) -> str:
    """Write the head's title with the unit's name, words that both share once: Bí thư Tỉnh ủy + Tỉnh ủy Cà Mau."""
    title, name = unit["head_title"], unit["name"]
    if unit["code"] == "BCD-CQTT":  # its title names another body, and that is right
        return title
    words = title.split()
    for start in range(len(words)):
        tail = " ".join(words[start:])
        if name.lower().startswith(tail.lower()):
            return " ".join([*words[:start], name])
    return f"{title} {name}"


def units(domain: Iterable[Mapping[str, str]], urls: Mapping[str, str]) -> list[Row]:
    """Make units.csv."""
    return [
        {
            "code": unit["code"],
            "name": unit["name"],
            "short_name": short_name(unit["code"], unit["name"]),
            "kind": unit["kind"],
            "bloc": unit["bloc"],
            "parent": unit["parent_code"],
            "head_title": unit["head_title"],
            "source": _source(unit, urls),
        }
        for unit in domain
    ]


def _source(unit: Mapping[str, str], urls: Mapping[str, str]) -> str:
    code, kind = unit["code"], unit["kind"]
    if kind in {"bo", "co_quan_ngang_bo"}:
        return f"Nghị quyết 176/2025/QH15: {urls['S47']}"
    if kind in {"hoi_dong", "uy_ban_quoc_hoi"}:
        return f"Nghị quyết 178/2025/QH15: {urls['S48']}"
    if code.startswith("DP-"):
        published = urls["S49"].partition("; ")[0]
        return f"Quyết định 19/2025/QĐ-TTg (34 tỉnh, thành phố và mã), theo bộ dữ liệu mở: {published}"
    if code == "BCD-CQTT":
        return urls["S21"]
    if code == "CP-BCD":
        return urls["S24"]
    return "Hiểu biết chung, chưa có nguồn đối chiếu: kiểm tra trước khi dùng thật"


def posts(made: Iterable[Mapping[str, str]]) -> list[Row]:
    """Make posts.csv: head, deputy and focal point of each unit."""
    rows: list[Row] = []
    for unit in made:
        head = unit["head_title"]
        titles = (head, DEPUTY_TITLES.get(head, f"Phó {head}"), FOCAL_POINT)
        rows += [
            {"unit": unit["code"], "office": office, "title": title}
            for office, title in zip(OFFICES, titles, strict=True)
        ]
    return rows


def holders(made: Iterable[Mapping[str, str]]) -> list[Row]:
    """Make holders.csv: an office's address for each filled post, never a person's."""
    rows: list[Row] = []
    for post in made:
        unit, office = post["unit"], post["office"]
        if unit in NO_HOLDER or (unit in DEPUTY_ONLY and office != "deputy"):
            continue
        acting = unit in ACTING_HEAD and office == "head"
        box = "phutrach" if acting else OFFICES[office]
        rows.append(
            {
                "code": f"{unit}/{office}/1",
                "post": f"{unit}/{office}",
                "acting": "yes" if acting else "no",
                "email": f"{box}.{unit.lower()}@example.vn",
                "language": "vi",
                "valid_from": "2025-06-20",
            }
        )
    return rows
