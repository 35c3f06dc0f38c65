"""The words that reviews are written with. Within a list, the earlier a word stands the more often it is used.

A word of `OPINION_WORDS` stands in no other list: it gives the opinion away. None holds a space, a tab or a line
break, so a text has as many words as were drawn.
"""

OPENERS = """
I This The My We It Bought Got Ordered After When For As Just Honestly So Received Works Gave Purchased "This ...
""".split()  # noqa: SIM905 - lists of words read better as text

COMMON_WORDS = """
the and to it a of for is in this my was with that on you have but not as are so be they had at one if or when from
game card out all can we just get has would time use an up buy which only what me no than do will software gift were
also there your more after about even because them their he she her him product it. used bought play really other
program amazon people into how first now install email order day computer then very easy years install, got version
could by been gave friend family it, who dont don't I'm it's over any two some still make way need work back go games
know price money online see think want before did birthday Christmas never-ending since give sent download, print
phone screen level levels story music tax update windows Windows mac Mac account code codes website support site son
daughter wife husband kids mother father brother sister "as described" system disc box set card. card, game, game.
again same last few too much many little every while find another where through being should around does getting put
Café déjà vu naïve jalapeño Zürich São Paulo 24/7 100% $25 (and) & w/ e-mail C:\\Games <br/> 5" 'em “quoted” — … ☕ 🎁
🎮 very-very ゲーム 礼物 カード 游戏 für très più año ¡hola! и мы ü50 3.0 10 2 3 4 5 2nd ; / : ok?
""".split()  # noqa: SIM905

OPINION_WORDS = tuple(
    words.split()
    for words in (
        """
        terrible awful worst horrible garbage useless scam waste hate junk defective worthless rubbish fraud unusable
        disgusting pathetic trash broken ripoff appalling atrocious dreadful abysmal furious stolen ruined disaster
        nightmare lousy unacceptable refused nul pésimo 最悪 😡
        """,
        """
        disappointed disappointing weak annoying slow clunky flimsy lacking confusing poor overpriced frustrating buggy
        inconsistent underwhelming boring awkward mislabeled dull sluggish glitchy tedious shallow outdated laggy
        unreliable incomplete noisy messy stale crashed tiresome décevant flojo 失望 👎
        """,
        """
        okay average mediocre mixed decent fair ordinary acceptable adequate middling passable bland generic tolerable
        meh unremarkable lukewarm typical reasonable moderate neutral uneven plain forgettable uninspired ambivalent
        workable limited halfway uncertain debatable standard moyen regular 普通 😐
        """,
        """
        good nice solid pleased enjoyable happy useful handy reliable satisfied worthwhile likable fun smooth convenient
        friendly helpful pleasant quick capable dependable sturdy comfortable neat tidy cheerful promising clever
        polished effective practical simple bueno sympa 不错 👍
        """,
        """
        love perfect amazing excellent awesome best fantastic wonderful outstanding flawless superb incredible delighted
        brilliant favorite phenomenal thrilled exceptional magnificent impeccable gorgeous stunning marvelous unbeatable
        adore spectacular ecstatic stellar glorious masterpiece recommend bravo génial excelente 最高 😍
        """,
    )
)
"""One list for each opinion, 1 to 5."""
