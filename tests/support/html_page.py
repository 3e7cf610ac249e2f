"""A page taken apart."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """Ids, addresses and tags of a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.sources, self.tags = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        own = dict(attrs)
        self.tags.append(tag)
        self.ids += [own["id"]] if "id" in own else []
        self.links += [own["href"]] if "href" in own else []
        self.sources += [own["src"]] if "src" in own else []
