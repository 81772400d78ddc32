// Elements from data. Texts become text nodes and nothing else: no string is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "style") Object.assign(element.style, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

export function el(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

export function svg(tag, properties, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

export function say(text) {
  document.getElementById("said").textContent = text;
}

export function percent(share, digits = 1) {
  return share === null || share === undefined ? "–" : `${(100 * share).toFixed(digits)} %`;
}

// One for all: a number's own toLocaleString takes ten times as long, and a page has hundreds.
const WHOLE = new Intl.NumberFormat("en-US");

export function count(number) {
  return WHOLE.format(Number(number));
}

export function chipsText(chips) {
  return `${count(chips)} chip${Math.abs(chips) === 1 ? "" : "s"}`;
}

const SUITS = { c: "♣", d: "♦", h: "♥", s: "♠" };
const SUIT_NAMES = { c: "clubs", d: "diamonds", h: "hearts", s: "spades" };

// A card as text with a class of its suit: colour is never all that tells suits apart.
export function card(text) {
  return el("span", { class: `card suit-${text[1]}` }, text[0] + SUITS[text[1]]);
}

export function cardName(text) {
  return `${text[0]} of ${SUIT_NAMES[text[1]]}`;
}

export function cardsOf(text) {
  return text.match(/[2-9TJQKA][cdhs]/g) || [];
}
