"""What models say of five trades, right and wrong, and the sources they cite: ``[key]`` names a text or an offering of the trade."""

from typing import NamedTuple


class Trade(NamedTuple):
    """What a business has told us: ``texts`` by key as title and body, ``goods`` by key as name, price, description and attributes."""

    texts: dict[str, tuple[str, str]]
    goods: dict[str, tuple[str, int, str, dict[str, object]]]


class Said(NamedTuple):
    """A question, what the model replies, and whether the customer may hear it."""

    trade: str
    asked: str
    reply: str
    is_true: bool


TRADES = {
    "dentist": Trade(
        texts={
            "hours": ("Giờ mở cửa?", "Thứ Hai đến thứ Bảy 8:00–20:00, Chủ nhật 8:00–12:00."),
            "pregnant": (
                "Mang thai có tẩy trắng răng được không?",
                "Phụ nữ mang thai không nên tẩy trắng răng, hãy đợi sau khi sinh. Cạo vôi răng thì an toàn trong thai kỳ.",
            ),
            "doctors": (
                "Lịch khám của bác sĩ",
                "Bác sĩ: BS Phạm Hùng; Ngày khám: Ba, Sáu, CN; Giờ: 8:00–11:30\n"
                "Bác sĩ: BS Lê Minh; Ngày khám: Hai, Năm; Giờ: 13:30–19:00",
            ),
            "warranty": ("Bảo hành thế nào?", "Trám răng bảo hành 24 tháng, mão sứ 5 năm. Implant bảo hành trọn đời."),
            "pay": ("Có trả góp không?", "Trả góp 0% trong 12 tháng cho hóa đơn từ 10.000.000 ₫. Nhận thẻ và MoMo."),
            "place": ("Địa chỉ ở đâu?", "Số 12 Nguyễn Trãi, Quận 1. Điện thoại 028 3822 1122. Có chỗ gửi xe máy miễn phí."),
        },
        goods={
            "whitening": ("Tẩy trắng răng tại phòng khám", 2_500_000, "Kéo dài 90 phút, không đau.", {}),
            "braces": ("Niềng răng mắc cài kim loại", 32_000_000, "Thời gian 18-24 tháng.", {}),
            "invisalign": ("Niềng răng trong suốt Invisalign", 95_000_000, "Thời gian 12-18 tháng.", {}),
            "wisdom": ("Nhổ răng khôn", 1_500_000, "Mất 45 phút. Tái khám và cắt chỉ miễn phí sau 7 ngày.", {}),
            "implant": ("Implant Straumann", 28_000_000, "Bảo hành trọn đời.", {}),
            "crown": ("Mão sứ zirconia", 5_500_000, "Bảo hành 5 năm.", {}),
        },
    ),
    "bikes": Trade(
        texts={
            "hours": (
                "When are you open?",
                "Tuesday to Friday 9:00-18:00, Saturday 10:00-16:00, closed on Sunday and Monday.",
            ),
            "return": (
                "Can I return a bike?",
                "Bikes can be returned within 14 days if unused. Helmets cannot be returned.",
            ),
            "warranty": (
                "What does the warranty cover?",
                "The warranty covers defects of the frame for 5 years and of the battery for 2 years.",
            ),
            "service": ("How long does a service take?", "A small service takes 90 minutes, a full service takes two days."),
            "parking": ("Is there parking?", "There is no car park, but bikes may be left in the yard at no charge."),
            "contact": (
                "How can I reach you?",
                "Call 0903 111 222 or write to hello@wheels.example. We are at 45 Tran Phu Street.",
            ),
        },
        goods={
            "city": ("City Comfort 7", 8_900_000, "Aluminium frame, seven gears. Weighs 14 kg.", {"frame_size": "54 cm"}),
            "ebike": (
                "Volt E-Bike 500",
                24_500_000,
                "Range of 80 km. The battery charges in 4 hours.",
                {"motor_watts": 250},
            ),
            "helmet": ("Aero Helmet", 1_200_000, "Sizes M and L. Weighs 280 g.", {}),
        },
    ),
    "cafe": Trade(
        texts={
            "hours": ("Quán mở cửa mấy giờ?", "Quán mở cửa hàng ngày từ 7h đến 22h, riêng thứ Hai nghỉ."),
            "delivery": (
                "Có giao hàng không?",
                "Giao trong bán kính 5 km, phí 15.000 ₫, mất 30 phút. Đơn từ 200.000 ₫ được miễn phí giao hàng.",
            ),
            "pets": ("Mang chó mèo vào được không?", "Được mang thú cưng ở sân vườn. Không được mang thú cưng lên tầng 2."),
            "room": ("Có phòng họp không?", "Phòng họp cho 10 người, 150.000 ₫ một giờ. Đặt trước 2 ngày."),
            "beans": (
                "Hạt rang để được bao lâu?",
                "Hạt rang dùng ngon nhất trong 30 ngày, bảo quản nơi khô ráo. Không để tủ lạnh.",
            ),
            "music": ("Khi nào có nhạc sống?", "Nhạc sống tối thứ Sáu và thứ Bảy, 20:00–22:00."),
        },
        goods={
            "latte": ("Cà phê latte", 55_000, "Sữa tươi hoặc sữa yến mạch. Ly 350 ml.", {}),
            "arabica": ("Hạt Arabica Cầu Đất 500 g", 280_000, "Rang vừa, vị chua nhẹ.", {}),
            "robusta": ("Hạt Robusta Buôn Ma Thuột 500 g", 190_000, "Rang đậm, vị đắng.", {}),
        },
    ),
    "salon": Trade(
        texts={
            "stylists": (
                "When do the stylists work?",
                "Anna works on Monday and Wednesday, Bea works from Thursday to Saturday. Anna is free on Monday at 15:00.",
            ),
            "cancel": (
                "What if I cancel?",
                "You can cancel free of charge up to 24 hours before. Later cancellations cost 100,000 VND.",
            ),
            "allergy": (
                "Is dyeing safe with allergies?",
                "Dyeing is not recommended for people with allergies. A patch test is needed 48 hours before.",
            ),
            "kids": (
                "Do you cut children's hair?",
                "Yes, children from 3 years are welcome, and a haircut takes 20 minutes.",
            ),
            "pay": ("How can I pay?", "We accept cash and bank transfer. Cards are not accepted."),
            "wifi": ("Do you have wifi?", "Yes, wifi and coffee are free for guests."),
        },
        goods={
            "cut": ("Haircut and Styling", 350_000, "Takes 45 minutes, with a head massage.", {}),
            "colour": ("Full Colour", 1_400_000, "Takes 2 hours 30 minutes. Lasts 6 to 8 weeks.", {}),
            "keratin": ("Keratin Smoothing", 2_200_000, "Lasts 4 months. Do not wash your hair for 3 days.", {}),
        },
    ),
    "hotel": Trade(
        texts={
            "checkin": (
                "When is check-in?",
                "Check-in from 14:00, check-out until 11:00. Late check-out until 15:00 costs 200,000 VND.",
            ),
            "breakfast": (
                "Is breakfast included?",
                "Breakfast is included with the Garden Room only. It is served from 6:30 to 9:30, on Sunday until 10:30.",
            ),
            "pool": (
                "Hồ bơi mở lúc nào?",
                "Hồ bơi mở từ 6 giờ sáng đến 9 giờ tối. Trẻ em dưới 12 tuổi không được bơi một mình.",
            ),
            "pets": ("Are pets allowed?", "No. Pets are not allowed in the rooms."),
            "airport": ("Có đón sân bay không?", "Có xe đón sân bay, 350.000 ₫ một lượt, báo trước 24 giờ."),
            "smoke": ("Can I smoke?", "Smoking is only permitted on the balcony."),
        },
        goods={
            "garden": ("Garden Room", 1_200_000, "28 m² with a king bed, for 2 guests.", {"beds": 1}),
            "family": ("Family Suite", 2_600_000, "55 m² with two bedrooms, for 5 guests.", {"beds": 3}),
        },
    ),
    "gym": Trade(
        texts={
            "hours": ("Phòng tập mở cửa khi nào?", "T2-T6: 5h30 - 22h00\nT7, CN: 7h00 - 20h00\nNghỉ Tết Nguyên đán."),
            "trial": ("Có tập thử không?", "Khách mới được tập thử miễn phí 1 buổi. Không áp dụng cho lớp yoga."),
            "kids": ("Trẻ em tập được không?", "Trẻ từ 14 tuổi được tập nếu có người lớn đi cùng. Dưới 14 tuổi chưa nhận."),
            "coach": (
                "Lịch dạy của huấn luyện viên",
                "Coach Nam: thứ Hai, thứ Tư, 18h-20h; Coach Hà: thứ Ba, thứ Năm, 6h-8h.",
            ),
            "freeze": ("Có bảo lưu thẻ được không?", "Thẻ từ 6 tháng được bảo lưu tối đa 30 ngày, thẻ tháng thì không."),
            "shower": ("Có phòng tắm không?", "Có phòng tắm nước nóng và tủ khóa. Khăn tắm thuê 10.000 ₫."),
        },
        goods={
            "month": ("Thẻ tập 1 tháng", 600_000, "Tập không giới hạn số buổi.", {}),
            "year": ("Thẻ tập 12 tháng", 4_800_000, "Tặng 2 buổi tập với huấn luyện viên.", {}),
            "yoga": ("Lớp yoga", 900_000, "12 buổi, mỗi buổi 60 phút, tối đa 15 học viên.", {}),
        },
    ),
    "printer": Trade(
        texts={
            "time": (
                "How long does printing take?",
                "Business cards take 2 working days, banners 1 day. Books take about a week.",
            ),
            "files": ("Which files do you take?", "PDF and TIFF up to 500 MB. Word documents cannot be printed."),
            "ship": (
                "Where do you deliver?",
                "Delivery in Da Nang is free from 500,000 VND, else 30,000 VND. We do not ship abroad.",
            ),
            "open": ("Opening hours", "Mon-Fri 8-18, Sat 8-12. Closed on public holidays."),
            "rush": ("Can it be faster?", "An express order is ready in 4 hours and costs 50% more."),
            "proof": ("Do I get a proof?", "Yes, a digital proof is free of charge. A printed proof costs 40,000 VND."),
        },
        goods={
            "cards": ("Business Cards 300 gsm", 150_000, "Box of 100, 9 x 5.5 cm, matt or glossy.", {}),
            "banner": ("Vinyl Banner", 250_000, "Per square metre, with eyelets. Weatherproof for 2 years.", {}),
            "book": ("Softcover Book A5", 90_000, "From 50 copies.", {}),
        },
    ),
}

BUILT = [
    Said("dentist", "are you open late at night", "Yes, we are open until 22:00 every day [hours].", False),
    Said("dentist", "Until when on Sunday?", "On Sunday we are open until 20:00 [hours].", False),
    Said("dentist", "Until when on Sunday?", "On Sunday we are open from 8 am to 12:00 [hours].", True),
    Said("dentist", "Mấy giờ đóng cửa?", "Dạ phòng khám mở cửa đến 23 giờ ạ [hours].", False),
    Said("dentist", "Mấy giờ đóng cửa?", "Dạ thứ Hai đến thứ Bảy phòng khám mở đến 8 giờ tối ạ [hours].", True),
    Said("dentist", "I am pregnant, can I get whitening?", "Yes, whitening is safe during pregnancy [pregnant].", False),
    Said(
        "dentist", "I am pregnant, can I get whitening?", "Whitening is not recommended during pregnancy [pregnant].", True
    ),
    Said(
        "dentist",
        "Em đang mang thai tẩy trắng được không?",
        "Dạ được ạ, phụ nữ mang thai tẩy trắng răng an toàn [pregnant].",
        False,
    ),
    Said(
        "dentist", "Em đang mang thai cạo vôi được không?", "Dạ được ạ, cạo vôi răng an toàn trong thai kỳ [pregnant].", True
    ),
    Said("dentist", "Implant bảo hành bao lâu?", "Implant bảo hành 5 năm [warranty].", False),
    Said("dentist", "Implant bảo hành bao lâu?", "Implant Straumann bảo hành 5 năm [crown].", False),
    Said("dentist", "Implant bảo hành bao lâu?", "Dạ implant được bảo hành trọn đời ạ [implant].", True),
    Said("dentist", "Bác sĩ Hùng khám ngày nào?", "Bác sĩ Hùng khám thứ Hai và thứ Năm [doctors].", False),
    Said(
        "dentist",
        "Which days does Dr Minh work?",
        "Dr Minh sees patients on Monday and Thursday from 1:30 pm [doctors].",
        True,
    ),
    Said("dentist", "Is Minh there on Monday?", "Minh is free on Monday [doctors].", True),
    Said(
        "dentist",
        "Niềng răng giá sao?",
        "Niềng kim loại 32.000.000 ₫, Invisalign 95.000.000 ₫ ạ [braces][invisalign].",
        True,
    ),
    Said(
        "dentist",
        "Niềng răng giá sao?",
        "Niềng kim loại 95.000.000 ₫, Invisalign 32.000.000 ₫ ạ [braces][invisalign].",
        False,
    ),
    Said("dentist", "Cắt chỉ có mất tiền không?", "Tái khám và cắt chỉ miễn phí sau 7 ngày [wisdom].", True),
    Said("dentist", "Trám răng bảo hành mấy năm?", "Trám răng bảo hành 2 năm, mão sứ bảo hành 5 năm [warranty].", True),
    Said("dentist", "Trám răng bảo hành mấy năm?", "Trám răng bảo hành 5 năm [warranty].", False),
    Said("bikes", "Can I return a helmet?", "Yes, you can return a helmet [return].", False),
    Said("bikes", "Can I return a bike?", "Yes, you can return an unused bike within 14 days [return].", True),
    Said("bikes", "Are you open on Monday?", "Yes, we are open on Monday from 9:00 to 18:00 [hours].", False),
    Said("bikes", "Are you open on Monday?", "No, we are closed on Monday [hours].", True),
    Said("bikes", "How long is a service?", "A small service takes 1 hour 30, a full one 2 days [service].", True),
    Said("bikes", "How long is a full service?", "A full service takes 90 minutes [service].", False),
    Said("bikes", "How long is the battery under warranty?", "The battery is covered for 24 months [warranty].", True),
    Said("bikes", "How long is the battery under warranty?", "The battery is covered for 5 years [warranty].", False),
    Said("bikes", "What is your phone number?", "You can call us at 0909 888 777 [contact].", False),
    Said("bikes", "What is your email?", "Write to us at hello@wheels.example [contact].", True),
    Said("bikes", "What is your email?", "Write to us at sales@wheels.example [contact].", False),
    Said("cafe", "Có giảm giá không?", "Quán đang giảm 10% cho cà phê latte [latte].", False),
    Said("cafe", "Thứ hai mở cửa không?", "Dạ thứ Hai quán mở cửa từ 7h đến 22h [hours].", False),
    Said("cafe", "Thứ hai mở cửa không?", "Dạ thứ Hai quán nghỉ ạ [hours].", True),
    Said("cafe", "Mang chó lên tầng 2 được không?", "Dạ được mang thú cưng lên tầng 2 ạ [pets].", False),
    Said("cafe", "Arabica và robusta giá sao?", "Arabica 280.000 ₫, Robusta 190.000 ₫ ạ [arabica][robusta].", True),
    Said("salon", "Is Anna free on Monday?", "Yes, Anna is free on Monday at 3 pm [stylists].", True),
    Said("salon", "Which days does Bea work?", "Bea works on Monday and Wednesday [stylists].", False),
    Said("salon", "Do you cut kids hair?", "Yes, kids from 3 years are welcome [kids].", True),
    Said("salon", "Do you take cards?", "Yes, cards are accepted [pay].", False),
    Said("salon", "How long does colour take?", "Full Colour takes 150 minutes [colour].", True),
    Said("hotel", "Can I bring my dog?", "Yes, pets are allowed in the rooms [pets].", False),
    Said("hotel", "Can I bring my dog?", "Sorry, pets are not allowed in the rooms [pets].", True),
    Said("hotel", "When does the pool close?", "The pool is open from 6 am to 9 pm [pool].", True),
    Said("hotel", "When does the pool close?", "The pool is open until 23:00 [pool].", False),
    Said("dentist", "Do you take cards?", "Yes, we accept cards and MoMo [pay].", True),
    Said(
        "dentist",
        "Implant price and warranty?",
        "Implant Straumann costs 28,000,000 VND and has a lifetime warranty [implant].",
        True,
    ),
    Said("dentist", "Mão sứ giá sao?", "Mão sứ zirconia giá 5.500.000 ₫, bảo hành 5 năm ạ [crown].", True),
    Said("dentist", "Chủ nhật có BS Hùng không?", "Dạ có, BS Hùng khám Chủ nhật từ 8:00 đến 11:30 ạ [doctors].", True),
    Said(
        "dentist",
        "Niềng trả góp?",
        "Dạ niềng răng mắc cài kim loại 32.000.000 ₫ được trả góp 0% trong 12 tháng ạ [pay][braces].",
        True,
    ),
    Said("dentist", "Tẩy trắng có đau không?", "Dạ không đau ạ, tẩy trắng kéo dài 90 phút [whitening].", True),
    Said("dentist", "Tẩy trắng có đau không?", "Dạ có, tẩy trắng răng khá đau [whitening].", False),
    Said("dentist", "Does whitening hurt?", "No, whitening does not hurt and takes 90 minutes [whitening].", True),
    Said("bikes", "what about weekends?", "We are open on Saturday from 10 to 16, and closed on Sunday [hours].", True),
    Said("bikes", "Are you open on weekends?", "We are open on weekends from 10:00 to 16:00 [hours].", False),
    Said("bikes", "Can I return it after 3 weeks?", "No, bikes cannot be returned after 14 days [return].", True),
    Said("bikes", "Where are you?", "We are at 45 Tran Phu Street, call 0903 111 222 [contact].", True),
    Said("bikes", "Do I pay for parking my bike?", "You can leave your bike in the yard for free [parking].", True),
    Said("bikes", "charge time?", "It takes 4 hours to charge the battery of the Volt E-Bike [ebike].", True),
    Said("bikes", "charge time?", "It takes 2 hours to charge the battery of the Volt E-Bike [ebike].", False),
    Said("bikes", "Does the warranty cover the battery?", "Yes, for two years [warranty].", True),
    Said("cafe", "Is delivery free?", "Delivery is free for orders from 200,000 VND [delivery].", True),
    Said("cafe", "Có sữa yến mạch không?", "Dạ có, latte dùng sữa tươi hoặc sữa yến mạch ạ [latte].", True),
    Said("cafe", "What time do you close?", "We close at 10 pm [hours].", True),
    Said("cafe", "What time do you close?", "We close at 9 pm [hours].", False),
    Said("cafe", "Can I bring my dog?", "Yes, dogs are welcome in the garden [pets].", True),
    Said("cafe", "Phòng họp bao nhiêu tiền?", "Dạ 150.000 ₫ một giờ ạ [room].", True),
    Said("salon", "Do you take cards?", "Sorry, we do not accept cards, only cash and bank transfer [pay].", True),
    Said("salon", "Do you take bank transfer?", "Yes, bank transfer and cash are accepted [pay].", True),
    Said("salon", "Is Bea in on Friday?", "Yes, Bea works on Friday [stylists].", True),
    Said("salon", "Is Bea in on Monday?", "Yes, Bea is here on Monday [stylists].", False),
    Said("salon", "How long does keratin last?", "It lasts about four months [keratin].", True),
    Said("salon", "Can I wash my hair the next day?", "No, please do not wash your hair for 3 days [keratin].", True),
    Said("salon", "Can I wash my hair the next day?", "Yes, you can wash your hair [keratin].", False),
    Said(
        "salon", "What does late cancelling cost?", "Cancelling less than 24 hours before costs 100,000 VND [cancel].", True
    ),
    Said("hotel", "Check-in time?", "You can check in from 2 pm and check out until 11 am [checkin].", True),
    Said("hotel", "Check-in time?", "You can check in from 11 am [checkin].", False),
    Said("hotel", "Can I smoke?", "Yes, but only on the balcony [smoke].", True),
    Said("hotel", "Hồ bơi mở đến mấy giờ?", "Dạ hồ bơi mở đến 21:00 ạ [pool].", True),
    Said("hotel", "Có đón sân bay không?", "Dạ có xe đón sân bay giá 350.000 ₫ một lượt ạ [airport].", True),
    Said("gym", "Chủ nhật mở tới mấy giờ?", "Dạ Chủ nhật phòng tập mở đến 20h ạ [hours].", True),
    Said("gym", "Chủ nhật mở tới mấy giờ?", "Dạ Chủ nhật phòng tập mở đến 22h ạ [hours].", False),
    Said("gym", "What are your hours?", "Monday to Friday from 5:30 to 22:00, weekends from 7:00 to 20:00 [hours].", True),
    Said("gym", "Sáng sớm mở cửa lúc nào?", "Từ thứ Hai đến thứ Sáu mở cửa lúc 5 giờ 30 sáng [hours].", True),
    Said("gym", "Tập thử lớp yoga được không?", "Dạ được, bạn tập thử lớp yoga miễn phí nhé [trial].", False),
    Said("gym", "Tập thử lớp yoga được không?", "Dạ tập thử không áp dụng cho lớp yoga ạ [trial].", True),
    Said("gym", "Can I try it?", "Yes, new guests can try one session for free [trial].", True),
    Said("gym", "Con mình 12 tuổi tập được không?", "Dạ được ạ, bé 12 tuổi tập được [kids].", False),
    Said("gym", "Con mình 15 tuổi tập được không?", "Dạ trẻ từ 14 tuổi được tập nếu có người lớn đi cùng ạ [kids].", True),
    Said("gym", "Coach Hà dạy hôm nào?", "Coach Hà dạy thứ Hai và thứ Tư từ 18h đến 20h [coach].", False),
    Said("gym", "Coach Hà dạy hôm nào?", "Coach Hà dạy thứ Ba và thứ Năm, từ 6h đến 8h sáng ạ [coach].", True),
    Said("gym", "When does coach Nam teach?", "Coach Nam teaches on Monday and Wednesday from 6 pm to 8 pm [coach].", True),
    Said("gym", "Bảo lưu thẻ tháng được không?", "Dạ thẻ tháng không được bảo lưu ạ [freeze].", True),
    Said("gym", "Bảo lưu được bao lâu?", "Thẻ từ 6 tháng được bảo lưu tối đa 1 năm [freeze].", False),
    Said("gym", "Giá thẻ?", "Thẻ 1 tháng 600.000 ₫, thẻ 12 tháng 4.800.000 ₫ ạ [month][year].", True),
    Said("gym", "Giá thẻ?", "Thẻ 1 tháng 4.800.000 ₫, thẻ 12 tháng 600.000 ₫ ạ [month][year].", False),
    Said("gym", "Có khăn tắm không?", "Dạ có, khăn tắm thuê 10.000 ₫ ạ [shower].", True),
    Said("gym", "Lớp yoga đông không?", "Lớp yoga tối đa 15 học viên, mỗi buổi 1 tiếng ạ [yoga].", True),
    Said("gym", "Lớp yoga đông không?", "Lớp yoga tối đa 8 học viên ạ [yoga].", False),
    Said("printer", "How long do banners take?", "Banners take 1 day [time].", True),
    Said("printer", "How long do banners take?", "Banners take a week [time].", False),
    Said(
        "printer",
        "How long for cards and books?",
        "Business cards take two working days and books about 7 days [time].",
        True,
    ),
    Said("printer", "Can you print Word files?", "Yes, we can print Word documents [files].", False),
    Said(
        "printer", "Can you print Word files?", "No, Word documents cannot be printed, but PDF and TIFF can [files].", True
    ),
    Said("printer", "Do you ship to Laos?", "Yes, we ship abroad [ship].", False),
    Said("printer", "Do you ship to Laos?", "Sorry, we do not ship abroad [ship].", True),
    Said("printer", "Are you open on Saturday afternoon?", "On Saturday we are open until 18:00 [open].", False),
    Said("printer", "Are you open on Saturday afternoon?", "No, on Saturday we close at noon [open].", True),
    Said("printer", "How fast is express?", "An express order is ready within 4 hours at a surcharge of 50% [rush].", True),
    Said("printer", "How fast is express?", "An express order is ready within 2 hours [rush].", False),
    Said("printer", "Is the proof free?", "The digital proof is free, a printed one costs 40,000 VND [proof].", True),
    Said("printer", "Có in gấp không?", "Dạ có, đơn gấp xong trong 4 tiếng và đắt hơn 50% ạ [rush].", True),
    Said("printer", "Banner để ngoài trời được bao lâu?", "Vinyl Banner dùng ngoài trời được 2 năm ạ [banner].", True),
    Said("printer", "Banner để ngoài trời được bao lâu?", "Vinyl Banner dùng ngoài trời được 5 năm ạ [banner].", False),
    Said("printer", "How big are the cards?", "The cards are 9 x 5.5 cm and come in boxes of 100 [cards].", True),
    Said("printer", "How big are the cards?", "The cards come in boxes of 250 [cards].", False),
]

HELD = [
    Said("dentist", "Sáng chủ nhật làm tới mấy giờ?", "Chủ nhật phòng khám làm việc đến 17 giờ [hours].", False),
    Said("dentist", "Sáng chủ nhật làm tới mấy giờ?", "Chủ nhật bên em mở từ 8 giờ đến 12 giờ trưa ạ [hours].", True),
    Said("dentist", "When is Dr Hung in?", "Dr Hung works on Tuesday, Friday and Sunday, 8:00 to 11:30 [doctors].", True),
    Said("dentist", "When is Dr Hung in?", "Dr Hung works on Tuesday from 13:30 to 19:00 [doctors].", False),
    Said(
        "dentist", "How long does whitening take?", "Whitening takes 1.5 hours and costs 2.5 million VND [whitening].", True
    ),
    Said("dentist", "How long does whitening take?", "Whitening takes 30 minutes [whitening].", False),
    Said("dentist", "Đường đi thế nào?", "Phòng khám ở số 99 Lê Lợi, Quận 3 ạ [place].", False),
    Said("dentist", "Đường đi thế nào?", "Phòng khám ở số 12 Nguyễn Trãi, Quận 1 ạ [place].", True),
    Said("dentist", "where do I park my motorbike", "You can park your motorbike for free at the clinic [place].", True),
    Said("dentist", "Trả góp thế nào?", "Hóa đơn từ 10 triệu được trả góp 0% trong 1 năm [pay].", True),
    Said("dentist", "Trả góp thế nào?", "Hóa đơn từ 5 triệu được trả góp 0% trong 24 tháng [pay].", False),
    Said("dentist", "Niềng bao lâu?", "Niềng mắc cài kim loại mất 12-18 tháng [braces].", False),
    Said(
        "dentist",
        "Niềng bao lâu?",
        "Mắc cài kim loại mất 18 đến 24 tháng, Invisalign 12 đến 18 tháng [braces][invisalign].",
        True,
    ),
    Said(
        "bikes",
        "Opening times?",
        "We are open Tuesday to Friday from 9 am to 6 pm and on Saturday from 10 am to 4 pm [hours].",
        True,
    ),
    Said("bikes", "Opening times?", "We are open on Saturday until 6 pm [hours].", False),
    Said("bikes", "Can I leave my car?", "Yes, there is a car park [parking].", False),
    Said("bikes", "Can I leave my car?", "There is no car park, sorry [parking].", True),
    Said("bikes", "How heavy is the helmet?", "The Aero Helmet weighs 14 kg [helmet].", False),
    Said("bikes", "How heavy is the helmet?", "The Aero Helmet weighs 0.28 kg [helmet].", True),
    Said("bikes", "How long is the frame under warranty?", "The frame is covered for 2 years [warranty].", False),
    Said("bikes", "Prices please", "The City Comfort is 8,900,000 VND and the Volt 24.5 million VND [city][ebike].", True),
    Said("bikes", "Prices please", "The City Comfort is 24,500,000 VND and the Volt 8,900,000 VND [city][ebike].", False),
    Said("bikes", "How far does the e-bike go?", "The Volt E-Bike has a range of 80 km [ebike].", True),
    Said("bikes", "How far does the e-bike go?", "The Volt E-Bike has a range of 120 km [ebike].", False),
    Said("cafe", "Có nhạc sống chủ nhật không?", "Dạ có, Chủ nhật có nhạc sống từ 20:00 ạ [music].", False),
    Said("cafe", "Nhạc sống hôm nào?", "Nhạc sống tối thứ Sáu và thứ Bảy từ 8 giờ tối đến 10 giờ tối ạ [music].", True),
    Said("cafe", "Để hạt trong tủ lạnh được không?", "Dạ được, bạn để hạt trong tủ lạnh nhé [beans].", False),
    Said("cafe", "Để hạt trong tủ lạnh được không?", "Không nên để tủ lạnh, hạt ngon nhất trong 30 ngày ạ [beans].", True),
    Said("cafe", "Đặt phòng họp thế nào?", "Phòng họp cho 10 người, 150.000 ₫ một giờ, đặt trước 2 ngày ạ [room].", True),
    Said("cafe", "Đặt phòng họp thế nào?", "Phòng họp cho 20 người, đặt trước 2 ngày ạ [room].", False),
    Said("cafe", "Do you deliver?", "We deliver within 5 km for 15,000 VND in half an hour [delivery].", True),
    Said("cafe", "Do you deliver?", "We deliver within 15 km [delivery].", False),
    Said("cafe", "Trang web của quán?", "Bạn xem thêm ở quan-ca-phe.vn nhé [hours].", False),
    Said("salon", "I have allergies, can I dye my hair?", "Yes, dyeing is safe with allergies [allergy].", False),
    Said("salon", "I have allergies, can I dye my hair?", "Dyeing is not recommended with allergies [allergy].", True),
    Said("salon", "Can I cancel?", "You can cancel for free up to one day before [cancel].", True),
    Said("salon", "Can I cancel?", "You can cancel for free up to 2 hours before [cancel].", False),
    Said("salon", "When is Bea in?", "Bea is in on Thursday, Friday and Saturday [stylists].", True),
    Said("salon", "Is coffee free?", "Yes, coffee and wifi are free for guests [wifi].", True),
    Said("salon", "Is the head massage free?", "Keratin Smoothing lasts 8 weeks [keratin].", False),
    Said("salon", "Có nhận thẻ không?", "Dạ bên em nhận thẻ ạ [pay].", False),
    Said("hotel", "Is breakfast included in the Family Suite?", "Breakfast is served from 6:30 to 9:30 [breakfast].", True),
    Said("hotel", "Breakfast on Sunday?", "On Sunday breakfast is served until 10:30 [breakfast].", True),
    Said("hotel", "Breakfast on Sunday?", "On Sunday breakfast is served until 11:30 [breakfast].", False),
    Said("hotel", "Late check-out?", "Late check-out until 3 pm costs 200,000 VND [checkin].", True),
    Said("hotel", "Late check-out?", "Late check-out until 6 pm costs 200,000 VND [checkin].", False),
    Said("hotel", "Can my 8 year old swim alone?", "Yes, children may swim alone [pool].", False),
    Said(
        "hotel",
        "Airport transfer?",
        "An airport transfer costs 350,000 VND, please tell us 24 hours before [airport].",
        True,
    ),
    Said("hotel", "How big is the suite?", "The Family Suite has 55 m² and is for 5 guests [family].", True),
    Said("hotel", "How big is the suite?", "The Garden Room is for 5 guests [garden].", False),
]
