"""What can be seen of accessibility from within a page: structure, names, contrast, sizes.

The measures are those of WCAG 2.2 AA that a machine can take: 1.3.1, 1.4.3, 2.4.1, 2.4.2, 2.4.6,
2.5.8, 3.1.1, 4.1.2.
"""

from __future__ import annotations

from playwright.sync_api import Page

_SCRIPT = r"""
() => {
  const found = [];
  const say = (rule, node, more = "") =>
    found.push(`${rule}: ${node.outerHTML.slice(0, 120).replace(/\s+/g, " ")} ${more}`);
  const shown = (node) => {
    const box = node.getBoundingClientRect();
    const style = getComputedStyle(node);
    return box.width > 1 && box.height > 1 && style.visibility !== "hidden" &&
      style.display !== "none" && node.checkVisibility();
  };
  const all = (query) => [...document.querySelectorAll(query)];
  if (document.documentElement.lang !== "sv") say("language", document.documentElement);
  if (!document.title.includes("Förvarning")) say("title", document.head);
  if (all("main").length !== 1) say("one main", document.body);
  if (all("h1").length !== 1) say("one h1", document.body);
  if (!all("header").length || !all("footer").length) say("landmarks", document.body);
  let level = 0;
  for (const heading of all("h1,h2,h3,h4,h5,h6").filter(shown)) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) say("heading level", heading, `${level} to ${next}`);
    if (!heading.textContent.trim()) say("empty heading", heading);
    level = next;
  }
  for (const field of all("input:not([type=hidden]),select,textarea"))
    if (!field.labels || !field.labels.length) say("no label", field);
  for (const control of all("a,button,summary"))
    if (!control.textContent.trim() && !control.getAttribute("aria-label"))
      say("no name", control);
  const ids = all("[id]").map((node) => node.id);
  for (const id of ids.filter((id, at) => ids.indexOf(id) !== at)) found.push(`id twice: ${id}`);
  for (const attribute of ["aria-labelledby", "aria-describedby", "for"])
    for (const node of all(`[${attribute}]`))
      for (const id of node.getAttribute(attribute).split(/\s+/))
        if (!document.getElementById(id)) say(`${attribute} leads nowhere`, node);
  for (const table of all("table"))
    if (!table.querySelector("th[scope=col]")) say("table without column headers", table);
  for (const list of all("ul,ol"))
    for (const child of list.children) if (child.tagName !== "LI") say("list item", child);
  for (const group of all("nav,section,aside"))
    if (!group.getAttribute("aria-label") && !group.getAttribute("aria-labelledby") &&
        !group.querySelector("h1,h2"))
      say("unnamed region", group);
  // Targets of at least 24 by 24 CSS pixels, links within text excepted.
  for (const control of all("button,select,textarea,input:not([type=hidden])").filter(shown)) {
    const box = control.getBoundingClientRect();
    const wide = control.closest("label")?.getBoundingClientRect() ?? box;
    if (Math.max(box.height, wide.height) < 24 || Math.max(box.width, wide.width) < 24)
      say("small target", control, `${box.width}x${box.height}`);
  }
  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const part = (value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const [r, g, b, a = 1] = numbers(getComputedStyle(at).backgroundColor);
      if (a > 0.99) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !shown(node)) continue;
    if (node.closest(".vh,.skip")) continue;
    const style = getComputedStyle(node);
    const pair = [light(numbers(style.color)), light(behind(node))].sort((x, y) => y - x);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) say("contrast", node, ratio.toFixed(2));
  }
  if (document.documentElement.scrollWidth > window.innerWidth)
    found.push(`wider than the window: ${document.documentElement.scrollWidth}`);
  return found;
}
"""


def findings(page: Page) -> list[str]:
    """Everything wrong that the page's own document shows; empty when all is well.

    Waits until the page has its style sheet: a bare document has other sizes and colours.
    """
    page.wait_for_load_state("load")
    found: list[str] = page.evaluate(_SCRIPT)
    return found


def at_both_sizes(page: Page) -> dict[str, list[str]]:
    """What is wrong on a desktop and on a mobile, by size; the desktop's size stands afterwards."""
    wrong: dict[str, list[str]] = {}
    for size, width in (("mobile", 390), ("desktop", 1280)):
        page.set_viewport_size({"width": width, "height": 900})
        if found := findings(page):
            wrong[size] = found
    return wrong
