"""Every page as the user it is for, in light, dark and on a phone; what all of them must have."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import pytest

from polarnight.web.access import Role
from polarnight.web.access.routes import all_routes

NIGHT = "OSN-T090/2022-09-18"
SOURCE = quote("2200+420", safe="")

# Name of the route: picture, user, address; what is there when the page has settled.
PAGES = {
    "login": ("login", None, "/login/", "form"),
    "about": ("about", None, "/about/", "h1"),
    "home": ("home", "viewer", "/", ".failures"),
    "nights": ("nights", "viewer", "/nights/", "main table"),
    "night": ("night", "operator", f"/nights/{NIGHT}/", "main table"),
    "jobs": ("jobs", "operator", "/jobs/", "h1"),
    "job": ("job", "operator", "/jobs/{job}/", "h1"),
    "quality": ("quality", "viewer", "/quality/", "svg"),
    "plot": ("plot", "observer", f"/explore/plot/?srcname={SOURCE}", "#plot[data-ready]"),
    "data": ("data", "viewer", "/explore/data/", "#table[data-ready]"),
    "frame": ("frame", "observer", "/frames/reduced/{reduced}/", "canvas"),
    "result": ("result", "viewer", "/results/{result}/", "main table"),
    "aperture": ("aperture", "viewer", "/apertures/{aperture}/", "main table"),
    "sources": ("sources", "observer", "/sources/?kind=all", "main table"),
    "source": ("source", "observer", "/sources/{source}/", ".chart img"),
    "source-add": ("source-add", "observer", "/sources/add/", "#id_name"),
    "source-edit": ("source-edit", "observer", "/sources/{source}/edit/", "#id_name"),
    "source-import": ("source-import", "operator", "/sources/import/", "form"),
    "source-field": ("source-field", "operator", "/sources/{source}/field-stars/", "h1"),
    "logs": ("logs", "operator", "/logs/", "#lines div"),
    "users": ("users", "admin", "/users/", "main table"),
    "tokens": ("tokens", "admin", "/users/tokens/", "h1"),
    "audit": ("audit", "admin", "/users/audit/", "h1"),
    "cubes": ("cubes", "operator", "/cubes/", "h1"),
    "cubes-search": ("cubes-search", "operator", "/cubes/search/", "h1"),
    "console": ("console", "operator", "/cubes/console/", "#command"),
    "workflows": ("workflows", "operator", "/cubes/workflows/", "h1"),
    "account": ("account", "viewer", "/account/", "form"),
    "api:openapi-view": ("api", "viewer", "/api/v1/docs", ".opblock"),
}
# The same pages otherwise, and those of Django: picture, user, address, what is there.
MORE = (
    ("sources-calibrated", "observer", "/sources/", "main table"),
    ("night-previews", "operator", f"/nights/{NIGHT}/?previews=1&imgtype=LIGHT", "main img"),
    ("admin", "admin", "/admin/", "#content"),
    ("admin-raw", "admin", "/admin/polarnight/rawfit/?previews=on", "#result_list img"),
    ("admin-frame", "admin", "/admin/polarnight/reducedfit/", "#result_list"),
    ("admin-results", "admin", "/admin/polarnight/photopolresult/", "#result_list"),
)
# Answers to forms, files, and pages for which another test makes what they show.
NOT_HERE = {
    *("logout", "password", "token-make", "token-revoke", "token-revoke-any", "user-add"),
    *("user-change", "source-comment", "source-delete", "audit-csv", "password-choose", "cube"),
    "source-field-remove",
}

FAULTS = """() => {
  const found = [];
  const seen = (node) => node.checkVisibility();
  const name = (node) => (node.getAttribute("aria-label") || node.title || node.innerText
    || node.querySelector("img[alt]")?.alt || "").trim();
  const heads = [...document.querySelectorAll("h1,h2,h3,h4")].filter(seen)
    .filter((head) => !head.closest("#swagger-ui"));
  const first = heads.filter((head) => head.tagName === "H1").map((head) => head.innerText);
  if (first.length !== 1) found.push(`headings of the first level: ${first}`);
  let level = 0;
  for (const head of heads) {
    const own = Number(head.tagName[1]);
    if (own > level + 1) found.push(`${head.tagName} "${head.innerText}" after level ${level}`);
    level = own;
  }
  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (!seen(field) || field.closest("#swagger-ui")) continue;
    if (!field.labels?.length && !field.matches("[aria-label], [aria-labelledby]"))
      found.push(`field without label: ${field.outerHTML.slice(0, 120)}`);
  }
  for (const one of document.querySelectorAll("a[href], button, summary"))
    if (seen(one) && !name(one) && !one.closest("#swagger-ui"))
      found.push(`no name: ${one.outerHTML.slice(0, 120)}`);
  for (const image of document.querySelectorAll("img"))
    if (!image.hasAttribute("alt")) found.push(`no alt: ${image.src}`);
  for (const cell of document.querySelectorAll("thead th"))
    if (!cell.scope) found.push(`head of a column without scope: ${cell.innerText}`);
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  const twice = new Set(ids.filter((one, at) => ids.indexOf(one) !== at));
  for (const id of twice) found.push(`id twice: ${id}`);
  if (document.querySelector("[tabindex]:not([tabindex='0']):not([tabindex='-1'])"))
    found.push("tabindex > 0");
  if (!document.title.includes("Polarnight")) found.push(`title: ${document.title}`);
  const foot = document.querySelector("footer.site")?.innerText ?? "";
  if (!/^Polarnight \\d+\\.\\d+\\.\\S+\\s+times/.test(foot)) found.push(`foot: ${foot}`);
  if (document.documentElement.lang !== "en") found.push("no language");
  return found;
}"""


@pytest.fixture
def keys(served, own_database):
    """The keys that stand in addresses, and a job to look at."""
    with own_database(served.root):
        from polarnight.db import AperPhotResult, AstroSource, PhotoPolResult, ReducedFit
        from polarnight.web.models import Job

        job, _ = Job.objects.get_or_create(
            kind="reduce", title=NIGHT, who="operator", state="failed", error="no flat frames",
            arguments={"nights": [NIGHT], "only": None, "force": False, "retry_failed": False},
        )  # fmt: skip
        yield {
            "reduced": ReducedFit.objects.filter(solved=True).first().pk,
            "source": AstroSource.objects.get(name="2200+420").pk,
            "result": PhotoPolResult.objects.filter(p__isnull=False).latest("pk").pk,
            "aperture": AperPhotResult.objects.latest("pk").pk,
            "job": job.pk,
        }


def test_no_page_is_forgotten():
    pages = {route.name for route in all_routes() if route.method == "*" and route.name}
    pages = {name for name in pages if not name.startswith("admin:") and name != "api:api-root"}
    assert pages - {"api:openapi-json"} == set(PAGES) | NOT_HERE


@pytest.mark.parametrize("scheme", ["light", "dark", "phone"])
def test_every_page(visit, keys, scheme):
    users = {}
    wrong = []
    for picture, who, address, settled in (*PAGES.values(), *MORE):
        if who not in users:
            users[who] = visit(who, scheme)
        visitor = users[who]
        assert visitor.go(address.format(**keys)).status == 200, address
        visitor.page.wait_for_selector(settled, state="attached", timeout=30_000)
        visitor.settle()
        visitor.picture(f"{picture}-{scheme}")
        if picture.startswith("admin"):
            continue  # Django's own page
        wrong += [f"{picture}: {fault}" for fault in visitor.page.evaluate(FAULTS)]
        wrong += [f"{picture}: {barrier}" for barrier in visitor.barriers()]
        if not visitor.fits():
            wrong.append(f"{picture}: wider than the window")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", [None, "viewer", "observer", "operator", "admin"])
def test_every_page_as_every_user(visit, keys, role):
    """Pages open for those who may, are refused to others, and complain for none of them."""
    least = {route.name: route.action.least for route in all_routes() if route.method == "*"}
    visitor = visit(role)
    visitor.expect("status of 403")
    for name, (_, who, address, settled) in PAGES.items():
        if who == role:
            continue  # seen with its picture
        answer = visitor.go(address.format(**keys))
        if least[name] <= Role[(role or "nobody").upper()]:
            assert answer.status == 200, name
            if name != "login":
                visitor.page.wait_for_selector(settled, state="attached")
        elif role is None:
            assert urlsplit(visitor.page.url).path == "/login/", name
        else:
            assert answer.status == 403, name
            assert least[name].label in visitor.page.inner_text("main"), name


def test_the_focus_goes_through_in_order(visit, keys):
    """Tab reaches every control of the main pages, from above to below, and each can be seen."""
    visitor = visit("observer")
    page = visitor.page
    for address in ("/", "/explore/data/", "/sources/add/", f"/frames/reduced/{keys['reduced']}/"):
        visitor.go(address)
        page.evaluate("document.activeElement.blur()")
        reached = []
        for _ in range(12):
            page.keyboard.press("Tab")
            reached.append(
                page.evaluate(
                    """() => {
                      const node = document.activeElement, box = node.getBoundingClientRect();
                      const look = getComputedStyle(node);
                      return [node.tagName, box.width > 0, look.outlineStyle !== "none"
                        || look.boxShadow !== "none"];
                    }"""
                )
            )
        assert all(seen for _, seen, _ in reached), (address, reached)
        assert all(marked for _, _, marked in reached), (address, reached)
        assert "BODY" not in {tag for tag, _, _ in reached}, address
