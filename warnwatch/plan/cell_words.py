"""The words that cells may hold: each word as it is stored, with the Vietnamese ways of writing it."""

from __future__ import annotations

YES = ("yes", "có", "true", "1", "x", "co", "đúng")
NO = ("no", "không", "false", "0", "khong", "sai")
TOP_SECRET = ("top_secret", "top secret", "tuyệt mật", "tối mật", "tuyet mat", "toi mat")
CONFIDENTIAL = ("confidential", "mật")

STATUS = {
    "open": ("đang thực hiện", "chưa thực hiện"),
    "claimed": ("chờ xác nhận hoàn thành", "báo cáo hoàn thành"),
    "done": ("hoàn thành", "đã hoàn thành"),
    "suspended": ("tạm dừng",),
    "cancelled": ("không tiếp tục thực hiện", "hủy", "huỷ"),
}
CALENDAR_MODE = {"working_days": ("ngày làm việc",), "every_day": ("mọi ngày", "tất cả các ngày")}
OFFICE = {"head": ("người đứng đầu",), "deputy": ("cấp phó",), "focal_point": ("đầu mối",)}
DECISION_KIND = {
    "deadline": ("điều chỉnh thời hạn", "gia hạn"),
    "completion": ("xác nhận hoàn thành", "công nhận hoàn thành"),
    "suspend": ("tạm dừng",),
    "cancel": ("không tiếp tục thực hiện", "hủy", "huỷ"),
    "other": ("khác",),
}
COLOUR = {"green": ("xanh",), "yellow": ("vàng",), "red": ("đỏ",)}
LANGUAGE = {"vi": ("tiếng việt",), "en": ("tiếng anh",)}
UNIT_CHANGE = {
    "merge": ("sáp nhập", "nhập vào"),
    "split": ("chia tách", "chia", "tách"),
    "rename": ("đổi tên",),
    "move": ("chuyển cấp trên",),
    "kind": ("đổi loại",),
    "void": ("không thực hiện", "hủy bỏ", "huỷ bỏ"),
}
DIRECTION = {"high_good": ("cao tốt", "cao_tot"), "low_good": ("thấp tốt", "thap_tot")}
OPERATOR = {">=": ("≥",), "<=": ("≤",), ">": (), "<": (), "=": ()}
METHOD = {"as_read": ("theo số liệu",), "reduction": ("giảm so với cùng kỳ",), "complement": ("bù của chỉ tiêu khác",)}
PERIOD = {
    "year": ("năm",),
    "half_year": ("6 tháng", "nửa năm"),
    "quarter": ("quý",),
    "month": ("tháng",),
    "week": ("tuần",),
    "day": ("ngày",),
    "event": ("sự kiện",),
}
