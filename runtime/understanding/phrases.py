"""What customers say, in one place. Phrases carry their diacritics; matching does without (see `tokens`).

Each table maps a meaning to phrases separated by "|". The longest phrase at a word wins, so a longer
phrase can protect a shorter one: "giá đỡ" (a stand) is a "keep" phrase because "giá" asks for a price.
"""

from tenants.text import fold


def _listed(words: str) -> list[str]:
    """Words of a table, written in lines."""
    return words.split()


# Folded chat spellings of single words.
SAME_WORD: dict[str, str] = {
    **dict.fromkeys(_listed("ko k kh hok hong hem hk"), "khong"),
    **dict.fromkeys(("nhiu", "nhju"), "nhieu"),
    **dict.fromkeys(("hg", "hag"), "hang"),
    **dict.fromkeys(("mk", "mik"), "minh"),
    **dict.fromkeys(("zay", "z"), "vay"),
    "dc": "duoc",
    "ntn": "sao",
    "gja": "gia",
    "avail": "available",
}

# Where a budget stands: in front of an amount.
BEFORE_AMOUNT: dict[str, str] = {
    "below": "under | below | less than | lower than | cheaper than | up to | at most | no more than | not more than | "
    "maximum | max budget | budget max | within | not exceeding | dưới | tối đa | không quá | không vượt quá | "
    "nhỏ hơn | thấp hơn | ít hơn | rẻ hơn | bé hơn | chưa tới | chưa đến | không tới | không đến | trong khoảng "
    "dưới | cao nhất là | max là | giá dưới | giá tối đa | trong vòng",
    "above": "over | above | more than | higher than | at least | no less than | minimum | trên | tối thiểu | ít nhất | "
    "lớn hơn | cao hơn | nhiều hơn | đắt hơn",
    "around": "around | approximately | approx | roughly | circa | close to | near | tầm | khoảng | chừng | xấp xỉ | loanh "
    "quanh | tầm khoảng | khoảng tầm | tầm giá | khoảng giá | tầm tiền | gần | mức giá | phân khúc",
    "budget": "budget | my budget is | budget is | budget of | budget around | a budget of | ngân sách | tài chính | ngân "
    "sách khoảng | ngân sách tầm | tài chính tầm | tài chính khoảng | túi tiền",
    "between": "between | ranging from | range from | trong khoảng từ | trong khoảng | giữa",
    # Words that say so only when the amount has a unit: "from 15", "about 15 pro" do not.
    "weakly above": "từ | from | starting at | starting from | hơn | after",
    "weakly around": "about | cỡ | độ | for | with | giá | price | at | chỉ | còn | đúng | only",
    "weakly budget": "có | i have | i only have | tôi có | mình có | em có | anh có | chị có | chỉ có",
}
# Where a budget stands: behind an amount.
AFTER_AMOUNT: dict[str, str] = {
    "below": "trở xuống | trở lại | đổ lại | đổ xuống | quay đầu | or less | or under | or below | or cheaper | max | "
    "maximum | tops | tối đa | hoặc ít hơn | hoặc thấp hơn | là cùng | là hết",
    "above": "trở lên | đổ lên | or more | or above | or higher | and up | and above | plus | hoặc hơn",
    "around": "or so | range | đổ về",
}
BETWEEN_AMOUNTS = frozenset(("-", "–", "—", "~", "->", "den", "toi", "to", "and", "va", "hoac", "or", "hay", "till"))

# Words in front of a budget that belong to it: "giá dưới 5tr", "costs less than $50".
PRICE_NOUNS = frozenset(_listed("gia price priced prices costing cost costs muc budget o is la tam khoang co and"))

# A number before one of these is a measure, not money; one after an identifier is a name.
MEASURES = frozenset(
    _listed(
        "inch inches cm mm m km met kg kgs g gr gram grams gam lb lbs pound pounds oz ml l lit liter liters litre litres "
        "gb tb mb gig gigs ram rom mah hz ghz mhz w watt watts kw v volt mp megapixel megapixels fps px pixel pixels nits "
        "core cores percent phan phong pn ngu wc tang lau nguoi tuoi thang nam ngay gio phut giay tuan nen ghe "
        "year years month months week weeks day days hour hours minute minutes mins sec seconds yo "
        "people persons person seats seater seat bedroom bedrooms bed beds bath baths bathroom bathrooms room rooms br "
        "floor floors sqm sqft m2 mile miles star stars sao size do degree degrees pages page trang pieces piece pcs items "
        "item units unit cai chiec bo hop cap doi goi chai lon thung cuon quyen mieng "
        "pro plus ultra max mini air series gen core lan times others other"
    )
)
IDENTIFIERS = frozenset(
    _listed(
        "don order ma sku code so sdt phone tel invoice id zip model no number size sz iphone ip galaxy note redmi "
        "year doi nam version gen series hotline zalo"
    )
)
CLASSIFIERS = frozenset(
    _listed(
        "cai chiec bo hop cap doi goi chai lon thung cuon quyen con pcs pc piece pieces unit units item items pair pairs "
        "box boxes set sets bottle bottles copies may em suat tam kien bich vi"
    )
)
PACKAGES = frozenset(_listed("hop set combo bo pack packs box boxes of goi thung"))
COUNT_WORDS: dict[str, int] = {
    **{word: value for value, word in enumerate(_listed("mot hai ba bon nam sau bay tam chin muoi"), start=1)},
    **{word: value for value, word in enumerate(_listed("one two three four five six seven eight nine ten"), start=1)},
}
ORDER_VERBS = frozenset(_listed("mua lay dat order buy need want take get chot giao"))

# What a message asks, and what in it is not the subject.
MEANINGS: dict[str, str] = {
    "price": "học phí bao nhiêu | học phí | tuition | tuition fee | tuition fees | "
    "giá bao nhiêu | bao nhiêu tiền | bao nhiêu | giá bn | bn tiền | bn | bnhieu | bnhiu | bnh | bao nhieu tien | "
    "nhiêu tiền | nhiêu | giá sao | giá cả sao | giá thế nào | giá như thế nào | giá cả thế nào | giá cả | giá | "
    "mấy tiền | bao tiền | xin giá | báo giá | bảng giá | giá bán | giá tiền | mức giá | đơn giá | hết bao nhiêu "
    "| mất bao nhiêu | mấy xu | mấy đồng | mấy triệu | mấy tr | mấy trăm | mấy k | check giá | ib giá | inbox giá "
    "| giá nhiêu | giá là bao nhiêu | giá khoảng bao nhiêu | giá bao nhiêu tiền | giá bao nhiêu một cái | bán bao "
    "nhiêu | bán giá bao nhiêu | giá mấy | bao nhiêu một cái | bao nhiêu 1 cái | nhiêu 1 cái | giá hiện tại | giá "
    "hôm nay | giá niêm yết | có đắt không | có mắc không | how much is | how much are | how much does | how much "
    "do | how much for | how much would | how much will | how much | hw much | howmuch | how expensive is | how "
    "expensive are | how expensive | what is the price of | what s the price of | whats the price of | what is "
    "the price | what s the price | whats the price | what are the prices of | the price of | price of | prices "
    "of | price for | price on | pricing for | pricing | price list | price | prices | priced at | cost of | the "
    "cost of | costs | cost | what does it cost | pls quote | quote for | price tag | what do you charge for | "
    "charge for | going for | selling for | rate for",
    "stock": "còn hàng không | còn hàng chưa | còn hàng | hết hàng chưa | hết hàng không | hết hàng rồi à | hết hàng | có "
    "hàng chưa | có hàng không | có sẵn hàng không | có sẵn hàng | sẵn hàng không | sẵn hàng | có sẵn không | có "
    "sẵn | hàng sẵn | còn không | còn ko vậy | còn bán không | còn bán | còn bao nhiêu cái | còn bao nhiêu | còn "
    "nhiều không | còn mấy cái | còn mấy | còn tồn | tồn kho | trong kho | còn sản phẩm | hết chưa | đã hết hàng "
    "| hàng về chưa | có về chưa | bao giờ có hàng | khi nào có hàng | còn căn nào không | còn trống không | còn "
    "sl | còn stock | available không | còn đủ | is in stock | are in stock | in stock | out of stock | back in "
    "stock | on stock | any stock | stock left | stock | available | availability | sold out | how many left | "
    "how many are left | any left | are there any left | is there any left | left in stock | restock | restocked "
    "| still have any | still have | do you still have | still selling | do you carry | do you stock | do you "
    "sell | you guys sell | you guys carry | do u sell | do u still have | selling any | có bán | bán không | "
    "shop có bán | bên mình có bán | run out of | ran out of",
    "browse": "what products do you sell | what do you sell | what products | bán gì | bán những gì | show me "
    "| show us | list | browse | recommend me | recommend | suggest me | suggest | suggestions for | "
    "recommendations for | find me | looking for | look for | search for | searching for | find | any | options "
    "for | what do you have | what have you got | which | i want to buy | i want to order | i d like to buy | i "
    "wanna buy | i want | i need | want to buy | i m after | interested in | what kind of | what kinds of | tìm "
    "giúp | tìm | tìm mua | đang tìm | cần tìm | cần mua | muốn mua | muốn đặt | muốn xem | cho xem | xem | gợi ý "
    "| giới thiệu | liệt kê | có những | có loại nào | có mẫu nào | có cái nào | có dòng nào | loại nào | mẫu nào "
    "| dòng nào | cái nào | con nào | có gì | những mẫu | các mẫu | các loại | các dòng | tư vấn giúp | tư vấn "
    "cho | tư vấn | nên mua | cần | muốn lấy | đặt mua | đặt hàng | chốt | cho đặt | mua",
    "describe": "tell me about | tell me more about | more about | more info about | details of | details on | "
    "details about "
    "| information about | information on | describe | specs of | specs for | specs | specifications of | "
    "specification | specifications | features of | what colors | what colours | which colors | what sizes | "
    "thông số kỹ thuật | thông số | cấu hình | chi tiết về | chi tiết | thông tin về | thông tin | mô tả | giới "
    "thiệu về | có tốt không | tốt không | dùng tốt không | có những màu nào | có màu gì | có mấy màu | màu gì | "
    "màu nào | size nào | có size nào | chất liệu gì | how heavy is | how big is | how large is | how much ram | "
    "how much storage | how much memory | how much does it weigh | how much weight | ram bao nhiêu | bao nhiêu "
    "ram | bao nhiêu gb | pin bao nhiêu | dung lượng bao nhiêu | nặng bao nhiêu | bao nhiêu kg | bao nhiêu inch | "
    "mấy inch | diện tích bao nhiêu | bao nhiêu m2 | mấy phòng ngủ | bao nhiêu phòng ngủ | dài bao nhiêu | rộng "
    "bao nhiêu | cao bao nhiêu | kích thước bao nhiêu | pin bao lâu",
    "price_asc": "rẻ nhất | giá rẻ nhất | giá thấp nhất | thấp nhất | giá mềm nhất | mềm nhất | rẻ hơn | giá rẻ "
    "| giá mềm | rẻ "
    "| bình dân | giá từ thấp đến cao | từ thấp đến cao | từ rẻ đến đắt | giá tăng dần | cheapest | the cheapest "
    "| lowest price | lowest priced | the lowest price | lowest | least expensive | most affordable | affordable "
    "| cheap | cheaper | low to high | inexpensive | budget friendly | from cheapest",
    "price_desc": "đắt nhất | mắc nhất | giá cao nhất | cao cấp nhất | giá từ cao đến thấp | từ cao đến thấp | "
    "giá giảm dần | "
    "most expensive | the most expensive | priciest | highest price | highest priced | high to low | dearest",
    "fee": "phí ship | phí giao hàng | phí vận chuyển | phí dịch vụ | phí | tiền ship | giá ship | cước | lệ phí | lãi "
    "suất | tiền cọc | đặt cọc | cọc | thuế | shipping fee | delivery fee | shipping cost | shipping costs | "
    "delivery cost | delivery charge | shipping charge | shipping | fee | fees | interest rate | interest | "
    "deposit | tax | taxes | surcharge",
    "service": "mở cửa | đóng cửa | giờ làm việc | mấy giờ | địa chỉ | ở đâu | chi nhánh | ship | giao hàng | giao | vận "
    "chuyển | freeship | free ship | miễn phí | đổi trả | đổi hàng | trả hàng | hoàn tiền | hoàn hàng | chính "
    "sách | bảo hành | trả góp | góp | thanh toán | chuyển khoản | cod | hóa đơn | vat | khuyến mãi | khuyến mại "
    "| voucher | mã giảm giá | giảm giá | hotline | số điện thoại shop | khiếu nại | đơn hàng | đơn của | hủy đơn "
    "| tài khoản | đăng ký | mật khẩu | gặp nhân viên | nhân viên | kiểm hàng | thử hàng | bao lâu | khi nào nhận "
    "| bao nhiêu ngày | mấy ngày | lắp đặt | sửa chữa | chỗ đậu xe | gửi xe | vay vốn | vay tiền | vay mua | cho "
    "vay | khoản vay | gói vay | thủ tục | hồ sơ | hợp đồng | pháp lý | sổ hồng | sổ đỏ | tuyển dụng | cộng tác "
    "viên | sỉ | open on | are you open | opening hours | open | business hours | store hours | what time | "
    "closing time | address | located | location | where are you | where is your | your store | your shop | "
    "physical store | delivery | deliver | delivered | ship to | do you ship | how long does | how long will | "
    "return policy | return | returns | refund | refunds | exchange | warranty | guarantee | installment | "
    "installments | installation | pay | payment | payments | cash on delivery | invoice | my order | order "
    "status | track | tracking | cancel | account | password | contact | customer service | support | human | "
    "real person | agent | coupon | discount code | discount | promo | promotion | policy | complaint | complain "
    "| parking | membership | loyalty | wholesale | hiring | job | privacy",
    "measure": "weigh | weighs | does it weigh",
    "social": "đắt quá | mắc quá | too expensive | xin chào | chào shop | chào bạn | chào | hello | hi | hey "
    "| good morning | good afternoon | good evening | "
    "alo | cảm ơn | cám ơn | tks | thanks | thank you | thank u | thx | ok | oke | okay | bye | tạm biệt | dạ | "
    "vâng | you are welcome | great | nice | haha | hihi",
    "have": "do you have any | do you have | have you got any | have you got | you have | do u have | u have | have any | "
    "is there any | are there any | is there | are there | got any | do you guys have | you got",
    "filler": "muốn hỏi | shop ơi | ad ơi | shop | ad | admin | bạn ơi | em ơi | anh ơi | chị ơi | ơi | cho "
    "em hỏi | cho mình hỏi | "
    "cho hỏi | cho tôi hỏi | cho anh hỏi | cho chị hỏi | cho e hỏi | cho m hỏi | xin hỏi | mình muốn hỏi | em "
    "muốn hỏi | dạ cho | bên mình | bên em | bên bạn | bên shop | nhà mình | cửa hàng | cửa hàng mình | giúp mình "
    "| giúp em | giúp tôi | giúp | với ạ | hiện tại | hiện nay | bây giờ | mn | mọi người | em | mình | tôi | bạn "
    "| anh | chị | please | pls | plz | can you | could you | can i | could i | tell me | i would like to know | "
    "i d like to know | may i know | may i ask | do you know | i was wondering | excuse me | right now | now | "
    "currently | at the moment | what is | what s | whats | what does | what do | what are | what about | how "
    "about | thì sao | không vậy | được không | you guys | by the way | trong tầm giá | trong tầm | tầm giá | "
    "khoảng giá | mức giá | nào | price range | in my budget",
    # Content that contains a word of another meaning; never removed.
    "keep": "em bé | trẻ em | giá đỡ | giá treo | giá sách | giá để | giá kệ | giá phơi | gia đình | gia dụng | gia vị | "
    "tiếng anh | máy ảnh | khung ảnh | gia công | tham gia | quốc gia | chuyên gia | gia sư | tầm nhìn | con cái "
    "| con lăn | căn hộ | áo mưa | không dây | không khí | không gian | không gỉ | cần câu | thẻ cào | hộp quà | "
    "chào mào | open back | open box | open ear | free size | price action | home depot | máy tìm | find my | "
    "list price",
}
# Words cut from the ends of what is left, and kept inside it ("case for iphone", "tai nghe không dây").
_ENGLISH_EDGES = (
    "a an the is are was be of for on in at to and or with do does did you your me my i it its this "
    "that these those some any "
    "have has got get there here what which how hi order them so but like want need would should can could will u ur ya "
    "still just also too by than from now today guys hey im am we us if anything something when buy m s re ve ll d"
)
_VIETNAMESE_HEADS = "cái chiếc còn cho có mua lấy e là và với thì mà ở của về loại dòng này đó em mình những các vài mẫu"
HEAD_WORDS: dict[str, str] = {
    **{word: word for word in _ENGLISH_EDGES.split()},
    **{fold(word): word for word in _VIETNAMESE_HEADS.split()},
}
_VIETNAMESE_TAILS = (
    "không ko k hok hong hem h hk kh chưa rồi nữa vậy zậy v z thế hả à ạ nhé nhỉ nha e c ad shop bạn ơi đây nay này kia ấy "
    "nào gì được dc đc đi luôn hàng giá bán tiền khoảng tầm sao hay hoặc cùng cũng please left"
)
TAIL_WORDS: dict[str, str] = {**HEAD_WORDS, **{fold(word): word for word in _VIETNAMESE_TAILS.split()}}
# Before these a single letter is content: "size M".
LETTER_NOUNS = frozenset(_listed("size sz series class type model loai hang cup"))
# Words of a message that is no name of a product although it is short.
NOT_A_PRODUCT = frozenset(
    _listed(
        "who why how when where whose ai sao broken hong loi problem issue help my i you your we ban toi hoi bot robot name "
        "yes no khong ko co duoc dung sai wrong understand hieu not dont cant"
    )
)
