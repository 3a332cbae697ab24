"""The kinds of facts that customers ask for: what asks for each, and what a sentence holds that tells one."""

from typing import NamedTuple

from tenants.text import words


class FacetWords(NamedTuple):
    """Of one kind of fact: phrases that ask for it, units that a number is told in, and what else tells it, folded.

    Phrases are separated by “|”. In ``asked`` they carry their diacritics, and the longest at a word wins.
    """

    asked: str
    units: str = ""
    said: str = ""


_SPANS = (
    "seconds? secs? minutes? mins? hours? hrs? h days? nights? weeks? weekdays months? years? yrs? mornings? "
    "afternoons? evenings? "
    "giay phut gio tieng ngay dem buoi tuan thang nam"
)
_SPANS_SAID = (
    "immediately | instantly | at once | same day | overnight | while you wait | always | a day | a week | lap tuc | "
    "trong ngay "
    "| ngay trong | until | den khi | every year | every month | every week | moi nam | moi thang | moi tuan | for "
    "life | lifetime | tron doi"
    "| working days | once a | twice a | mot lan | hai lan | nua tieng | nua gio | nua ngay | mot ngay | hai ngay | ba "
    "ngay | hai nam"
    "| mot nam | mot tuan | hai tuan | mot thang | hai thang | ba thang | sau thang | within the hour"
)

FACETS: dict[str, FacetWords] = {
    "amount": FacetWords(
        "how much | how much is | how much are | how much s | how much for | how much to | how much does | how much do "
        "| how much would | how much will | how much did | how much it | hw much | howmuch | how expensive | price | "
        "prices | pricing | cost | costs "
        "| fee | fees | charge | charges | rate | rates | surcharge | deposit | for free | free of charge | is free | "
        "it free | free shipping "
        "| free delivery | shipping free | delivery free | bao nhiêu | nhiêu | bn | bnh | bnhieu | bnhiu | bao tiền | "
        "mấy tiền | mấy đồng "
        "| bao nhiêu tiền | nhiêu tiền | bao nhiêu đồng | giá bao nhiêu | giá sao | giá nào | giá thế nào | giá bn | "
        "giá nhiêu | phí | cước | giá "
        "| học phí | học phí bao nhiêu | tuition "
        "| phụ thu | miễn phí | freeship | mất phí | tốn tiền | tốn phí | mất tiền | đặt cọc | tiền cọc | cọc | hết "
        "bao nhiêu | hết nhiêu",
        "k tr usd vnd eur d percent dollars? euros? pounds? dong nghin ngan trieu",
        "price | prices | cost | costs | fee | fees | charge | charges | free | gratis | pay | pays | paid | included "
        "| no cost | phi "
        "| gia | cuoc | tien | coc | mien phi | tram nghin | tram ngan | chuc nghin | chuc ngan | khong phu thu | phu thu",
    ),
    "time": FacetWords(
        "when | what time | what times | what day | what days | which day | which days | what hours | what date | until when "
        "| opening hours | business hours | store hours | shop hours | office hours | working hours | open at | closing time "
        "| khi nào | bao giờ | chừng nào | lúc nào | hôm nào | ngày nào | giờ nào | tuần nào | tháng nào | thứ mấy | "
        "mấy giờ | mấy h | may h "
        "| giờ mở cửa | giờ đóng cửa | giờ làm việc",
        _SPANS + " am pm",
        "time | times | date | dates | today | tonight | tomorrow | noon | midnight | morning | evening | daily | "
        "every day | soon "
        "| monday | tuesday | wednesday | thursday | friday | saturday | sunday | mondays | tuesdays | wednesdays | "
        "thursdays | fridays "
        "| saturdays | sundays | weekday | weekdays | weekend | weekends | around the clock | days | hours | weeks | 24/7 "
        "| hom nay | hom sau | sang | chieu | toi | trua | thu hai | thu ba | thu tu | thu nam | thu sau | thu bay | "
        "chu nhat | cuoi tuan "
        "| thoi gian | ngay | gio | tuan | thang | minutes | months | years | " + _SPANS_SAID,
    ),
    "span": FacetWords(
        "how long | how soon | how fast | how quickly | how many days | how many hours | how many minutes | how many "
        "weeks | how many months "
        "| how many years | how many working days | how much time | how often | bao lâu | bao nhiêu lâu | mấy ngày | "
        "mấy tiếng | mấy phút | mấy tuần "
        "| mấy tháng | mấy năm | bao nhiêu ngày | bao nhiêu tiếng | bao nhiêu giờ | bao nhiêu phút | bao nhiêu tuần | "
        "bao nhiêu tháng | bao nhiêu năm "
        "| mấy lần",
        _SPANS,
        _SPANS_SAID
        + " | days | hours | minutes | weeks | months | years | ngay | gio | tuan | thang | nam | phut | tieng | soon | daily",
    ),
    "place": FacetWords(
        "where are you | where r u | where is your | where is the | where are your | where s the | where s your | "
        "where can i find you "
        "| where can i find | where to find | your address | the address | shop address | store address | address | "
        "located | location | directions "
        "| địa chỉ | ở đâu | ở chỗ nào | nằm đâu | chỗ nào | đường nào | quận nào",
        "",
        "address | street | road | avenue | lane | square | corner | district | ward | city | town | village | "
        "province | quarter | floor "
        "| building | house | mall | market | station | airport | next to | near | opposite | behind | map | located | "
        "location | branch "
        "| basement | underground | garage | car park | ham | bai | san "
        "| branches | online | website | duong | pho | quan | phuong | tinh | tang | toa | cho | ngo | hem | so | tp | "
        "tai | o | dia chi | ben canh",
    ),
    "weight": FacetWords(
        "weigh | weighs | weight | how heavy | nặng | nặng bao nhiêu | trọng lượng | cân nặng | mấy kg | mấy ký | bao "
        "nhiêu kg | bao nhiêu ký | mấy kí",
        "kg kgs g gr grams? kilos? kilograms? lbs? pounds? oz tonnes? ky can lang tan gam",
        "weight | weighs",
    ),
    "length": FacetWords(
        "how tall | how high | how wide | how big | how large | how thick | how deep | what size | what sizes | which "
        "size | which sizes "
        "| dimensions | measurements | cao bao nhiêu | dài bao nhiêu | rộng bao nhiêu | dày bao nhiêu | "
        "to bao nhiêu | to cỡ nào | kích thước | kích cỡ "
        "| size nào | cỡ nào | cỡ gì | size gì | mấy mét | mấy cm | mấy inch | bao nhiêu cm | bao nhiêu mét | bao "
        "nhiêu inch | đường kính | how many inches | how many litres "
        "| how many liters | capacity | dung tích | mấy lít | bao nhiêu lít | diện tích | mấy m2 | bao nhiêu m2",
        "mm cm m met metres? meters? inch inches ft feet foot litres? liters? lit l ml m2 sqm",
        "size | sizes | small | large | medium | co | kich thuoc | xs | s | m | l | xl | xxl",
    ),
    "range": FacetWords(
        "how far | what range | the range | what is the range | mileage | đi được bao xa | bao xa | đi được bao nhiêu "
        "km | bao nhiêu km | mấy km | tầm xa | quãng đường",
        "km kms kilometres? kilometers? miles? mi met m metres? meters?",
    ),
    "colour": FacetWords(
        "what colour | what colours | what color | what colors | which colour | which colours | which color | which "
        "colors | colour | color | colours | colors "
        "| màu gì | màu nào | màu sắc | mấy màu | những màu nào | có màu",
        "",
        "red | blue | green | yellow | orange | pink | purple | brown | grey | gray | black | white | beige | navy | "
        "silver | gold | golden | turquoise "
        "| xanh | mau do | mau den | mau trang | mau xanh | mau vang | mau hong | mau tim | mau nau | mau xam | mau bac | do den "
        "| xanh duong | xanh la | xanh den | mau | colours | colors",
    ),
    "heat": FacetWords(
        "how hot | how cold | how warm | what temperature | temperature | nhiệt độ | bao nhiêu độ | mấy độ",
        "degrees? do c",
        "room temperature | degrees",
    ),
    "power": FacetWords(
        "how many watts | how many watt | wattage | what power | how powerful | công suất | bao nhiêu w | mấy w | bao nhiêu watt",
        "w watts? kw hp",
    ),
    "number": FacetWords(
        "how many | bao nhiêu người | mấy người | bao nhiêu cái | mấy cái | how old | mấy tuổi | bao nhiêu tuổi"
    ),
    "": FacetWords(
        "how long is your name | giá đỡ | giá treo | giá sách | giá để | giá kệ | gia đình | chi phí sinh hoạt | phí "
        "phạm | best price | free time | is there a charge point "
        "| còn bao nhiêu | còn mấy | where can i buy | when possible | price list"
    ),
}
"""By kind. The last one holds phrases that ask for nothing although a shorter one in them would."""

OF_ANYTHING = frozenset(("how much", "bao nhieu", "nhieu", "bn"))
"""Folded phrases that ask for an amount at the end or in front of one of ``SAID_BEHIND``, else how many there are of "
"something."""

SAID_BEHIND = frozenset(
    words(
        "cho thi khi neu vay the a ah ha nhi nhe nha shop ad ban em anh chi mot tien dong k z v voi de la ko khong h  i"
        "s are s for to does do would will did it the this that these those a an per i can you we should must money "
        "cost  pay please vnd usd tren"
    )
)
"""Small words behind such a phrase that are nothing to be counted."""

LEADING = {"mat": "mất", "het": "hết", "ton": "tốn", "can": "cần", "trong": "trong", "khoang": "khoảng", "tam": "tầm"}
"""Folded words in front of such a phrase that say nothing more, as they are spelled."""

NAMING = frozenset(("deposit", "surcharge", "dat coc", "tien coc", "coc", "phu thu", "capacity", "battery", "opening hours"))
"""Folded phrases that ask for a fact and name what it is of."""

MEASURES: dict[str, str] = {
    "height": "tall | taller | tallest | height | high | higher | shorter | chiều cao | cao bao nhiêu | cao hơn | thấp hơn",
    "length": "length | longer | chiều dài | độ dài | dài bao nhiêu | dài hơn | ngắn hơn",
    "width": "wide | wider | width | chiều rộng | rộng bao nhiêu | rộng hơn",
    "depth": "deep | deeper | depth | độ sâu | sâu bao nhiêu",
    "weight": "heavy | heavier | lighter | weigh | weighs | weight | nặng | nhẹ hơn | trọng lượng | cân nặng",
    "duration": "how long | how fast | faster | quicker | longer | shorter | duration | takes | length | how much time | bao lâu | "
    "mất mấy | kéo dài | nhanh hơn | lâu hơn | dài hơn | ngắn hơn | thời gian | thời lượng",
    "interval": "how often | interval | frequency | every | bao lâu một lần | mấy ngày một lần | lâu lâu | khoảng cách | định kỳ "
    "| bao lau 1 lan | bao lâu thì | mấy ngày thì",
    "distance": "how far | range | distance | farther | further | xa | bao xa | quãng đường | tầm xa | xa hơn",
    "size": "size | sizes | dimensions | bigger | larger | smaller | kích thước | kích cỡ | cỡ | to hơn | lớn hơn | nhỏ hơn",
    "material": "made of | made from | made out of | material | materials | làm bằng | làm từ | bằng gì | chất liệu | vật liệu",
    "people": "sĩ số | people | persons | students | guests | passengers | người | học viên | khách | hành khách | sĩ số",
    "capacity": "capacity | hold | holds | dung tích | sức chứa | chứa",
    "temperature": "temperature | how hot | how cold | nhiệt độ",
    "speed": "speed | how fast | faster | tốc độ | nhanh hơn",
    "power": "power | watts | wattage | công suất",
    "age": "how old | age | ages | tuổi | độ tuổi",
}
"""Names of what can be measured, and how one asks for it or compares by it: by these a question finds the attribute it means."""
