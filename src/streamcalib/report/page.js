"use strict";
(() => {
  const { fields, rows, marks, picture } = JSON.parse(document.getElementById("data").textContent);
  const field = Object.fromEntries(fields.map((name, at) => [name, at]));
  const of = (at, name) => rows[at][field[name]];
  const found = (id) => document.getElementById(id);
  const sheet = found("sheet");
  const dialog = found("dialog");
  const items = [...sheet.children];
  const buttons = items.map((item) => item.firstElementChild);
  const STEP = 120;
  let visible = items.map((_, at) => at);
  let limit = STEP;
  let current = 0;
  let opened = -1;

  const number = new Intl.NumberFormat("en");
  const counted = (count, what) => `${number.format(count)} ${count === 1 ? what : what + "s"}`;
  const smaller = new Map(rows.map((row, at) => [at, row[field.name].toLowerCase()]));

  const keys = {
    row: (at) => of(at, "row"),
    name: (at) => of(at, "name"),
    brightness: (at) => of(at, "brightness"),
    aspect: (at) => (of(at, "height") ? of(at, "width") / of(at, "height") : null),
    padding: (at) => of(at, "padding"),
    pixels: (at) => of(at, "height") * of(at, "width") || null,
  };

  function compare(a, b) {
    // What is not known stands at the end, in either order.
    if (a === null || b === null) return (a === null) - (b === null);
    return a < b ? -1 : a > b ? 1 : 0;
  }

  function arrange() {
    const wanted = found("search").value.toLowerCase();
    const mark = found("mark").value;
    const key = keys[found("sort").value];
    const order = Number(found("order").value);
    visible = items
      .map((_, at) => at)
      .filter((at) => smaller.get(at).includes(wanted))
      .filter((at) => !mark || of(at, "marks").includes(mark));
    visible.sort((a, b) => {
      const one = key(a);
      const other = key(b);
      const sense = one === null || other === null ? 1 : order;
      return sense * compare(one, other) || of(a, "row") - of(b, "row");
    });
    limit = STEP;
    current = 0;
    show();
  }

  function show() {
    const shown = visible.slice(0, limit);
    sheet.replaceChildren(...shown.map((at) => items[at]));
    buttons.forEach((button) => (button.tabIndex = -1));
    if (shown.length) buttons[shown[Math.min(current, shown.length - 1)]].tabIndex = 0;
    const more = found("more");
    more.hidden = visible.length <= limit;
    more.textContent = `Show ${number.format(Math.min(STEP, visible.length - limit))} more rows`;
    const whole = visible.length === items.length ? "" : ` of ${number.format(items.length)}`;
    const part = more.hidden ? "" : `, the first ${number.format(limit)} shown`;
    found("count").textContent = counted(visible.length, "row") + whole + part;
  }

  function focus(place) {
    place = Math.max(0, Math.min(visible.length - 1, place));
    if (place >= limit) {
      limit = Math.ceil((place + 1) / STEP) * STEP;
      show();
    }
    buttons[visible[current]].tabIndex = -1;
    current = place;
    const button = buttons[visible[current]];
    button.tabIndex = 0;
    button.focus();
  }

  function columns() {
    const tops = [...sheet.children].slice(0, 60).map((item) => item.offsetTop);
    const next = tops.findIndex((top) => top !== tops[0]);
    return next < 0 ? tops.length : next;
  }

  function moved(event) {
    const steps = {
      ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns(), ArrowUp: -columns(),
      Home: -visible.length, End: visible.length,
    };
    if (!(event.key in steps) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    focus(current + steps[event.key]);
  }

  function size(bytes) {
    const units = ["B", "kB", "MB", "GB"];
    let unit = 0;
    while (bytes >= 1000 && unit < units.length - 1) {
      bytes /= 1000;
      unit += 1;
    }
    return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
  }

  function told(at) {
    const facts = [["Row", number.format(of(at, "row"))], ["Image", of(at, "path")]];
    if (of(at, "height")) {
      facts.push(["Size", `${of(at, "width")} x ${of(at, "height")} pixels, ` + size(of(at, "bytes"))]);
    }
    if (of(at, "route")) facts.push(["Decoded by", of(at, "route")]);
    facts.push(["Padding", of(at, "edges")], ["CRC-32C of the canvas", of(at, "crc")]);
    if (of(at, "brightness") !== null) {
      facts.push(["Mean brightness", `${of(at, "brightness")} of 255`]);
      facts.push(["Mean of each channel", of(at, "means")]);
    }
    if (of(at, "classes")) facts.push(["Shows", of(at, "classes")]);
    of(at, "marks").forEach((mark) => facts.push(["To know", marks[mark]]));
    if (of(at, "fault")) facts.push(["Damage", of(at, "fault")]);
    facts.push(["Picture here", picture]);
    return facts;
  }

  function open(place) {
    if (place < 0 || place >= visible.length) return;
    opened = place;
    const at = visible[place];
    const image = found("dialog-picture");
    const small = buttons[at].querySelector("img");
    image.hidden = !small;
    found("dialog-broken").hidden = Boolean(small);
    if (small) {
      image.src = small.src;
      image.alt = small.alt;
      image.width = small.width;
      image.height = small.height;
    }
    found("dialog-name").textContent = of(at, "name");
    found("dialog-facts").replaceChildren(
      ...told(at).map(([label, value]) => {
        const group = document.createElement("div");
        const term = document.createElement("dt");
        const text = document.createElement("dd");
        term.textContent = label;
        text.textContent = value;
        text.dir = "auto";
        group.append(term, text);
        return group;
      }),
    );
    found("dialog-place").textContent = `${number.format(place + 1)} of ${number.format(visible.length)}`;
    found("previous").disabled = place === 0;
    found("next").disabled = place === visible.length - 1;
    if (!dialog.open) dialog.showModal();
  }

  sheet.addEventListener("keydown", moved);
  sheet.addEventListener("click", (event) => {
    const button = event.target.closest(".tile");
    if (!button) return;
    focus(visible.indexOf(Number(button.dataset.at)));
    open(current);
  });
  // Of the document, since a button that was just disabled passes nothing on.
  document.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowLeft: -1 };
    if (!dialog.open || !(event.key in steps) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    open(opened + steps[event.key]);
  });
  dialog.addEventListener("close", () => focus(opened));
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  found("close").addEventListener("click", () => dialog.close());
  found("previous").addEventListener("click", () => open(opened - 1));
  found("next").addEventListener("click", () => open(opened + 1));
  found("more").addEventListener("click", () => {
    const first = limit;
    limit += STEP;
    show();
    focus(first);
  });
  found("search").addEventListener("input", arrange);
  ["sort", "order", "mark"].forEach((id) => found(id).addEventListener("change", arrange));
  found("tools").addEventListener("submit", (event) => event.preventDefault());
  const planes = found("planes");
  if (planes) {
    const apply = () => document.body.classList.toggle("planes", planes.checked);
    planes.addEventListener("change", apply);
    apply();
  }
  if (rows.length <= 100) document.body.classList.add("large");
  found("tools").hidden = false;
  arrange();
})();
