"""What the mails of ``bench.mail`` say, ours and the peer's."""

BODY = (
    "Hello,\n\nyour order {number} has left us today. Xin cảm ơn quý khách!\n" + "It comes with the parcel service.\n" * 20
)
