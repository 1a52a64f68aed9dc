"""Stamps of secrecy are seen wherever they stand, and ordinary words about secrecy are none."""

from __future__ import annotations

import unicodedata

import pytest

from warnwatch.plan.stamps import SECRET, TOP, stamp_in, stamp_in_name


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        ("TUYỆT MẬT", TOP),
        ("TỐI  MẬT", TOP),
        ("Tuyệt mật", TOP),
        ("Độ mật: Tối mật", TOP),
        ("(tuyệt mật) Kế hoạch bảo vệ", TOP),
        ("Kế hoạch bảo vệ - TỐI MẬT", TOP),
        ("Rà soát tài liệu TUYỆT MẬT của ngành", TOP),
        ("MẬT", SECRET),
        ("[Mật] Rà soát", SECRET),
        ("MẬT – Rà soát", SECRET),
        ("Rà soát (MẬT)", SECRET),
        ("Mức độ mật: Mật", SECRET),
        ("Bảo đảm an toàn, bảo mật thông tin", ""),
        ("Bảo vệ bí mật nhà nước", ""),
        ("BẢO VỆ BÍ MẬT NHÀ NƯỚC", ""),
        ("Danh mục bí mật nhà nước độ tuyệt mật, tối mật, mật", ""),
        ("QUẢN LÝ TÀI LIỆU TUYỆT MẬT TRONG CƠ QUAN", ""),
        ("Phát triển nghề nuôi ong lấy mật", ""),
        ("Mật độ dân số", ""),
        ("Đổi mật khẩu", ""),
        ("", ""),
    ],
)
def test_a_stamp_is_words_of_its_own(text: str, stamp: str) -> None:
    """Composed or not, a stamp is told from a sentence that speaks of secrecy."""
    assert stamp_in(text) == stamp
    assert stamp_in(unicodedata.normalize("NFD", text)) == stamp


@pytest.mark.parametrize(
    ("name", "stamp"),
    [
        ("ke-hoach-tuyet-mat.xlsx", TOP),
        ("Kế hoạch TỐI MẬT.xlsx", TOP),
        ("toi_mat.csv", TOP),
        ("Kế hoạch (Mật).xlsx", SECRET),
        ("MẬT", SECRET),
        ("toi-mat-khau.xlsx", ""),
        ("bao-mat.xlsx", ""),
        ("tasks.csv", ""),
    ],
)
def test_names_are_read_without_marks(name: str, stamp: str) -> None:
    """Files are often named without marks: a stamp in the name counts as well."""
    assert stamp_in_name(name) == stamp
