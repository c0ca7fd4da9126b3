"""HTML pages as what is shown of them: elements, attributes and text. White space between blocks is not."""

import re
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "img"}
# Elements that are no part of a line: white space beside them is not rendered.
BLOCKS = set("html head body main section article div p h1 h2 h3 h4 h5 details summary figure figcaption table thead "
             "tbody tr th td ul li dl dt dd pre style script title meta link svg g path text rect circle".split())
# Classes of the report's style whose children are grid or flex items, beside which it is not either.
GRIDS = {"legend", "tiles", "grid", "multiples", "facts", "pair", "frame", "sides", "head"}
# Elements whose text is what it is.
VERBATIM = {"pre", "style", "script"}


class Page(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.events, self.open = [], [("", "")]

    def handle_starttag(self, tag, attributes):
        self.events.append(("begin", tag, tuple(sorted(attributes))))
        if tag not in VOID:
            self.open.append((tag, dict(attributes).get("class") or ""))

    def handle_startendtag(self, tag, attributes):
        self.events += [("begin", tag, tuple(sorted(attributes))), ("end", tag)]

    def handle_endtag(self, tag):
        self.events.append(("end", tag))
        if self.open[-1][0] == tag:
            self.open.pop()

    def handle_data(self, data):
        self.events.append(("text", data, *self.open[-1]))

    def handle_decl(self, declaration):
        self.events.append(("declaration", declaration))


def shown(text):
    """What a page shows, event by event."""
    page = Page()
    page.feed(text)
    page.close()
    events, kept = page.events, []
    for at, event in enumerate(events):
        if event[0] != "text":
            kept.append(event)
            continue
        _, data, tag, classes = event
        if tag not in VERBATIM:
            apart = bool(GRIDS & set(classes.split()))
            data = re.sub(r"[ \n\t\r]+", " ", data)
            before, after = events[at - 1:at] or [("", "")], events[at + 1:at + 2] or [("", "")]
            data = data.lstrip(" ") if apart or ends_a_line(before[0]) else data
            data = data.rstrip(" ") if apart or ends_a_line(after[0]) else data
        if data and kept and kept[-1][0] == "text":
            kept[-1] = ("text", kept[-1][1] + data)
        elif data:
            kept.append(("text", data))
    return kept


def ends_a_line(event):
    return event[0] in ("", "declaration") or (event[0] != "text" and event[1] in BLOCKS)
