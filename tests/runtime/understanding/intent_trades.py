"""Three trades with few examples of each intent, and what customers say: with and without marks, in two languages.

``BICYCLES`` and ``DENTIST`` were looked at while the rules for intents were written; ``SCHOOL`` was not.
"""

from typing import NamedTuple


class Trade(NamedTuple):
    """A business: FAQs by their questions, examples by intent, and messages with their intent (empty: none)."""

    faqs: tuple[str, ...]
    intents: dict[str, tuple[str, ...]]
    said: tuple[tuple[str, str], ...]


BICYCLES = Trade(
    faqs=(
        "Sửa xe đạp mất bao lâu?",
        "Cửa hàng mở cửa lúc mấy giờ?",
        "Do you deliver bicycles to other provinces?",
        "Xe đạp trẻ em có bảo hành không?",
        "Can I pay by card?",
        "Shop có cho thuê xe không?",
    ),
    intents={
        "complaint": ("tôi muốn khiếu nại", "sản phẩm bị lỗi", "dịch vụ tệ quá", "this is unacceptable"),
        "refund": ("I want my money back", "trả lại tiền cho tôi", "cho tôi hoàn tiền", "refund please"),
        "order_status": ("Where is my order?", "đơn hàng của tôi đâu rồi", "bao giờ giao xe cho tôi", "track my package"),
        "repair_booking": ("đặt lịch sửa xe", "I need to book a repair", "hẹn lịch bảo dưỡng xe đạp"),
        "test_ride": ("cho tôi chạy thử xe", "can I try the bike first", "muốn lái thử"),
        "cancel_order": ("hủy đơn hàng", "cancel my order", "tôi không mua nữa, hủy giúp tôi", "please stop the order"),
    },
    said=(
        ("tôi muốn khiếu nại", "complaint"),
        ("toi muon khieu nai", "complaint"),
        ("dịch vụ của các bạn tệ quá", "complaint"),
        ("sản phẩm mới mua đã bị lỗi", "complaint"),
        ("your service is unacceptable", "complaint"),
        ("sửa xe tại nhà không", ""),
        ("hoàn tiền cho tôi", "refund"),
        ("hoan tien cho toi di", "refund"),
        ("give me my money back", "refund"),
        ("đơn hàng của tôi tới đâu rồi shop", "order_status"),
        ("where's my order please", "order_status"),
        ("mình muốn đặt lịch sửa xe chiều nay", "repair_booking"),
        ("book a repair for tomorrow", "repair_booking"),
        ("cho mình chạy thử được không", "test_ride"),
        ("can i try this bike before buying", "test_ride"),
        ("hủy đơn giúp mình", "cancel_order"),
        ("huy don hang", "cancel_order"),
        ("i'd like to cancel the order", "cancel_order"),
        ("xe đạp này giá bao nhiêu", ""),
        ("do you sell helmets", ""),
        ("shop ở đâu vậy", ""),
        ("xe có màu đỏ không", ""),
        ("how much is a city bike", ""),
        ("chào shop", ""),
        ("do you take credit cards", ""),
        ("lốp xe 26 inch còn không", ""),
        ("tôi cao 1m7 thì mua xe nào", ""),
        ("ok thanks", ""),
    ),
)

DENTIST = Trade(
    faqs=(
        "Lấy cao răng giá bao nhiêu?",
        "How much does a dental implant cost?",
        "Phòng khám làm việc chủ nhật không?",
        "Does whitening hurt?",
        "Niềng răng mất bao lâu?",
    ),
    intents={
        "book_appointment": ("đặt lịch khám", "I want to book an appointment", "cho em hẹn bác sĩ", "make an appointment"),
        "reschedule": ("đổi lịch hẹn", "can I move my appointment", "dời lịch khám sang hôm khác", "reschedule please"),
        "pain": ("tôi đau răng quá", "my tooth hurts a lot", "bị sưng lợi", "nhức răng cả đêm", "bleeding gums"),
        "insurance": ("có nhận bảo hiểm không", "do you accept my insurance", "thanh toán bảo hiểm"),
        "complaint": ("bác sĩ làm đau quá", "I am very unhappy with the treatment", "thái độ nhân viên không tốt"),
        "price_quote": ("báo giá giúp em", "can I get a quote", "cho xin bảng giá", "send me the price list"),
    },
    said=(
        ("đặt lịch khám", "book_appointment"),
        ("cho mình đặt lịch khám sáng mai", "book_appointment"),
        ("dat lich kham rang", "book_appointment"),
        ("i would like an appointment", "book_appointment"),
        ("em muốn hẹn bác sĩ Lan", "book_appointment"),
        ("dời lịch khám qua thứ 6 được không", "reschedule"),
        ("doi lich hen giup em", "reschedule"),
        ("please reschedule my appointment", "reschedule"),
        ("răng em đau quá bác sĩ ơi", "pain"),
        ("my tooth hurts", "pain"),
        ("nhuc rang ca dem khong ngu duoc", "pain"),
        ("my gums are bleeding", "pain"),
        ("bên mình có nhận bảo hiểm Bảo Việt không", "insurance"),
        ("do you take insurance", "insurance"),
        ("nhân viên thái độ không tốt chút nào", "complaint"),
        ("very unhappy with your treatment", "complaint"),
        ("xin bảng giá", "price_quote"),
        ("bao gia giup minh nhe", "price_quote"),
        ("can you send the price list", "price_quote"),
        ("niềng răng có đau không", ""),
        ("how long does an implant last", ""),
        ("phòng khám ở quận mấy", ""),
        ("chủ nhật có làm không", ""),
        ("is parking free", ""),
        ("răng sứ dùng được bao lâu", ""),
        ("bác sĩ học ở đâu", ""),
        ("hello", ""),
        ("cảm ơn bác sĩ nhiều", ""),
    ),
)

SCHOOL = Trade(
    faqs=(
        "Học phí khóa IELTS bao nhiêu?",
        "Do you offer online classes?",
        "Lớp tối thứ 7 có không?",
        "How many students are in a class?",
        "Giáo viên là người nước nào?",
    ),
    intents={
        "enrol": ("tôi muốn đăng ký học", "sign me up for a course", "ghi danh cho con tôi", "how do I enrol"),
        "placement_test": ("cho em làm bài kiểm tra đầu vào", "book a placement test", "test trình độ miễn phí"),
        "drop_out": ("tôi muốn nghỉ học", "xin bảo lưu khóa học", "I want to quit the course", "cancel my enrolment"),
        "complaint": ("giáo viên dạy chán quá", "I want to complain about a teacher", "tôi không hài lòng", "lớp quá ồn"),
        "absence": ("hôm nay con tôi nghỉ học", "I can't come to class today", "xin phép vắng một buổi", "I am sick today"),
        "certificate": ("khi nào có bằng", "send me my certificate", "xin cấp giấy chứng nhận"),
    },
    said=(
        ("em muốn đăng ký học", "enrol"),
        ("dang ky hoc cho be nha minh", "enrol"),
        ("sign my son up for a course", "enrol"),
        ("i want to enrol", "enrol"),
        ("làm bài kiểm tra đầu vào", "placement_test"),
        ("can i book the placement test for monday", "placement_test"),
        ("kiem tra dau vao cho em", "placement_test"),
        ("cho mình bảo lưu khóa học với", "drop_out"),
        ("i want to quit", "drop_out"),
        ("please cancel my enrolment", "drop_out"),
        ("tôi không hài lòng chút nào", "complaint"),
        ("giao vien day chan qua", "complaint"),
        ("I would like to complain about the teacher", "complaint"),
        ("hôm nay em xin phép vắng", "absence"),
        ("i can't come to class tonight", "absence"),
        ("xin phep vang mot buoi", "absence"),
        ("cho em xin giấy chứng nhận", "certificate"),
        ("when will you send my certificate", "certificate"),
        ("khi nao co bang a", "certificate"),
        ("học phí bao nhiêu một tháng", ""),
        ("lớp học có máy lạnh không", ""),
        ("do you have a class for kids", ""),
        ("giáo viên có kinh nghiệm không", ""),
        ("how long is the course", ""),
        ("trung tâm ở đâu", ""),
        ("thứ 7 có lớp không ạ", ""),
        ("what book do you use", ""),
        ("xin chào", ""),
        ("mấy giờ tan học", ""),
    ),
)

TRADES = {"bicycles": BICYCLES, "dentist": DENTIST, "school": SCHOOL}
