// Interactive figures: drawn with Vega-Lite from the rows beside each figure; sorted, filtered and highlighted together.
"use strict";
(() => {
  const FEWEST = 3; // with fewer devices, points are as large as in legends
  const FEW = 12; // up to this many devices have their names, gaps between bars, and all whiskers
  const MARGIN_X = 62, NARROW = 560, WIDE = 900, LABEL_LINE = 12, PAPER = 680; // pixels; PAPER is the width of A4 between the margins of printed pages
  const TICK = 45, PERCENT_TICK = 60, END = 18; // pixels: the least room of a tick of an x axis, and half of the label at its end
  const LEAST_OPACITY = 0.75; // of lines in the colour of a series, so that their contrast with a dark page is at least 3 to 1
  const QUIET = 200; // milliseconds after a choice or a movement of the pointer in which nothing off the screen is drawn
  const make = (tag, facts = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(facts)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const read = (id) => JSON.parse(document.getElementById(id)?.textContent || "[]");
  const probe = make("span", { hidden: "" });
  let isPrinting = false;
  const canHover = matchMedia("(hover: hover)").matches; // not on a touch screen
  const css = (name, otherwise) => { // a colour of the style sheet in the current theme, or in the light one for paper
    if (!probe.isConnected) document.body.append(probe);
    probe.style.colorScheme = isPrinting ? "light" : "";
    probe.style.color = `var(${name}, ${otherwise})`;
    return getComputedStyle(probe).color;
  };

  // ---- values as text ----
  const decimalsOf = (value, digits = 3) => value === 0 ? 0 : Math.min(6, Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value)))));
  const number = (value, decimals) => value.toLocaleString("en", { maximumFractionDigits: decimals, minimumFractionDigits: decimals }).replace("-", "−");
  const FORMATS = { // the text of a value with as many decimals as another value, by default itself
    percent: (value) => `${number(100 * value, 1)}%`,
    points: (value) => `${number(100 * value, 1)} points`,
    ms: (value, other = value) => `${number(value, decimalsOf(other))} ms`,
    times: (value, other = value) => `${number(value, decimalsOf(other))} times`,
    count: (value) => value.toLocaleString("en"),
    number: (value, other = value) => number(value, decimalsOf(other, 4)),
    "": (value) => String(value),
  };
  const known = (value) => value !== null && value !== undefined && value !== "";
  const words = (fact, row) => {
    if (!known(row[fact.field])) return "";
    const format = FORMATS[fact.format];
    const text = format(row[fact.field]);
    return known(row[fact.low]) && known(row[fact.high])
      ? `${text} (95%: ${format(row[fact.low], row[fact.field])} to ${format(row[fact.high], row[fact.field])})` : text;
  };

  // ---- the page: its devices, its figures and what the reader chose ----
  const DEVICES = new Map(); // by id, in the order of the page; filled when the page has been read
  const FILTERS = { vendor: "SoC vendor", maker: "Maker", android: "Android", framework: "Framework", model: "Model" };
  const OF_DEVICE = ["vendor", "maker", "android"];
  const state = { sort: "", timing: "", first: "", second: "", filters: {}, views: {} };
  let hovered = "";
  const figures = [], drawnDevices = new Set(); // ids of the devices in any figure

  function rowsOf(content) {
    const names = Object.keys(content.rows);
    const column = (stored) => Array.isArray(stored) ? stored : stored.places.map((place) => stored.values[place]);
    const columns = Object.fromEntries(names.map((name) => [name, column(content.rows[name])]));
    const count = names.length ? columns[names[0]].length : 0;
    const places = new Map(content.series.map((series, place) => [series.name, place]));
    return Array.from({ length: count }, (_, index) => {
      const row = {};
      for (const name of names) row[name] = columns[name][index];
      const device = DEVICES.get(row.device_id) ?? {};
      for (const name of ["vendor", "maker", "android", "soc"]) row[name] = device[name];
      row.number = places.get(row[content.seriesField]) ?? 0;
      return row;
    });
  }

  // ---- which rows, in which order ----
  const chosen = () => [state.first, state.second].filter(Boolean);
  function isVisible(device) {
    if (chosen().length === 2 && !chosen().includes(device.id)) return false; // two devices side by side
    return OF_DEVICE.every((name) => !state.filters[name] || device[name] === state.filters[name]);
  }
  const isPart = () => chosen().length === 2 || Object.values(state.filters).some(Boolean) || state.timing !== (state.firstTiming ?? state.timing);
  function isShown(row) {
    const device = DEVICES.get(row.device_id);
    if (device && !isVisible(device)) return false;
    if (row.timing && state.timing && row.timing !== state.timing) return false;
    return ["framework", "model"].every((name) => !state.filters[name] || row[name] === undefined || row[name] === state.filters[name]);
  }
  const sortOf = (figure) => state.sort || figure.content.sort || (DEVICES.size > FEW ? "soc" : "id");
  function order(rows, view, sort, down) {
    const ids = [...new Set(rows.map((row) => row.device_id))].filter(known);
    const place = (id) => DEVICES.get(id)?.place ?? Infinity;
    if (sort === "value") {
      const sums = new Map(ids.map((id) => [id, [0, 0]]));
      for (const row of rows) {
        if (!known(row[view.sort_by]) || (view.sort_by_first && row.number)) continue;
        const sum = sums.get(row.device_id);
        sum[0] += row[view.sort_by]; sum[1] += 1;
      }
      const mean = (id) => sums.get(id)[1] ? sums.get(id)[0] / sums.get(id)[1] : down ? -Infinity : Infinity;
      return ids.sort((a, b) => (down ? mean(b) - mean(a) : mean(a) - mean(b)) || place(a) - place(b));
    }
    if (sort === "soc") {
      const key = (id) => { const device = DEVICES.get(id) ?? {}; return `${device.vendor === "other" ? "~" : device.vendor}\t${device.soc}`; };
      return ids.sort((a, b) => key(a).localeCompare(key(b), "en", { numeric: true }) || place(a) - place(b));
    }
    return ids.sort((a, b) => place(a) - place(b));
  }
  function labels(ids, sort, down) {
    const devices = ids.map((id) => DEVICES.get(id) ?? { name: id });
    if (ids.length <= FEW || down) return devices.map((device) => device.name);
    if (sort !== "soc") return devices.map((device) => device.label);
    const texts = ids.map(() => "");
    for (let start = 0, end = 0; start < ids.length; start = end) { // the vendor below the middle of its devices
      while (end < ids.length && devices[end].vendor === devices[start].vendor) end += 1;
      texts[Math.floor((start + end - 1) / 2)] = devices[start].vendor;
    }
    return texts;
  }
  const pen = document.createElement("canvas").getContext("2d");
  const widths = new Map(); // of texts that have been measured
  function labelWidth(text) {
    if (!widths.size) pen.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    if (!widths.has(text)) widths.set(text, pen.measureText(text).width);
    return widths.get(text);
  }
  const unlimited = (names) => ({ // labels of a y axis in lines, whose middle is beside their tick
    labelExpr: `${names}[datum.value]`, labelLimit: 0, labelOffset: { expr: `${-LABEL_LINE / 2} * (length(${names}[datum.value]) - 1)` },
  });
  const widest = (texts) => Math.max(0, ...texts.map(labelWidth));
  function inLines(text, width) { // a text in lines that fit the width
    const lines = [""];
    for (const word of text.split(" ")) {
      if (lines.at(-1) && labelWidth(`${lines.at(-1)} ${word}`) > width) lines.push("");
      lines[lines.length - 1] += `${lines.at(-1) ? " " : ""}${word}`;
    }
    return lines;
  }
  function slant(texts, step, room) { // the angle at which labels neither overlap nor leave the drawing at its left
    if (widest(texts) + 8 <= step) return 0;
    const leaving = texts.map((text, place) => Math.acos(Math.min(1, (room + (place + 0.5) * step) / Math.max(1, labelWidth(text)))));
    const angle = Math.max(Math.asin(Math.min(1, LABEL_LINE / step)), ...leaving) * 180 / Math.PI;
    return -Math.min(90, Math.max(35, Math.ceil(angle)));
  }
  function alignments(texts, step) { // labels that would leave the panel begin or end at their device
    return texts.map((text, place) => {
      const centre = (place + 0.5) * step, half = labelWidth(text) / 2;
      return centre + half > texts.length * step + 6 ? "right" : centre - half < -6 ? "left" : "center";
    });
  }
  function staggered(texts, step) { // labels, each on the first line below the axis where it does not overlap an earlier one
    const spans = [], aligned = alignments(texts, step);
    return texts.map((text, place) => {
      if (!text) return "";
      const width = labelWidth(text) + 6, centre = (place + 0.5) * step;
      const start = centre - { left: 0, center: width / 2, right: width }[aligned[place]], end = start + width;
      let line = 0;
      while (spans.some((span) => span.line === line && start < span.end && span.start < end)) line += 1;
      spans.push({ line, start, end });
      return line ? [...Array(line).fill("\u200b"), text] : text; // Vega trims other blanks, and an empty line has no height
    });
  }
  function starts(ids, sort) { // first place of each vendor but the first
    if (sort !== "soc" || ids.length <= FEW) return [];
    return ids.map((id, place) => ({ place, vendor: DEVICES.get(id)?.vendor }))
      .filter((item, place) => place > 0 && item.vendor !== DEVICES.get(ids[place - 1])?.vendor)
      .map((item) => ({ place: item.place }));
  }

  // ---- drawing ----
  const hasLines = (content) => content.deviceAxis === "y" || content.line !== ""; // one above the other, on the y axis
  const themed = (hex) => css(`--figure-${hex.slice(1).toLowerCase()}`, hex);
  function look(content) {
    return {
      domain: content.series.map((series) => series.name),
      colors: content.series.map((series) => themed(series.color)),
      shapes: content.series.map((series) => series.shape),
    };
  }
  // Logarithmic axes: one domain for all panels, with ticks at 1, 2, 3, 4, 5, 7, at 1, 2, 5, at 1, 3 or at powers of ten, whichever
  // have room first, or, within a narrow range, at round numbers.
  const besideTicks = (first, second) => (labelWidth(String(first)) + labelWidth(String(second))) / 2 + 8; // pixels between two ticks of an x axis
  function logTicks(low, high, length, tickRoom) { // `tickRoom` returns how far apart two ticks must be, of `length` pixels
    const decades = Math.log10(high / low);
    if (decades < 0.6) {
      const most = Math.max(2, Math.min(4, Math.floor(length / tickRoom(high, high))));
      const raw = (high - low) / most, size = 10 ** Math.floor(Math.log10(raw));
      const step = [1, 2, 5, 10].map((factor) => factor * size).find((value) => value >= raw);
      const first = Math.ceil(low / step);
      return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(6)));
    }
    const at = (factors) => {
      const ticks = [];
      for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
        for (const factor of factors) {
          const value = Number((factor * 10 ** power).toPrecision(6));
          if (value >= low && value <= high) ticks.push(value);
        }
      }
      return ticks;
    };
    const choices = [...(decades > 1.2 ? [] : [at([1, 2, 3, 4, 5, 7])]), ...(decades > 3 ? [] : [at([1, 2, 5])]), at([1, 3]), at([1])].filter((ticks) => ticks.length > 1);
    const fits = (ticks) => ticks.every((tick, place) => !place || Math.log10(tick / ticks[place - 1]) / decades * length >= tickRoom(ticks[place - 1], tick));
    const last = choices.at(-1) ?? at([1, 1.5, 2, 3, 5, 7]);
    return choices.find(fits) ?? (last.length > 2 ? last.filter((_, place) => place % 2 === 0) : last);
  }
  function logDomain(spec, channel, now, length, tickRoom) {
    const fields = [], marked = []; // values of reference lines
    const visit = (node) => {
      if (!node || typeof node !== "object") return;
      const encoding = node.encoding?.[channel];
      if (encoding?.datum !== undefined) marked.push(encoding.datum);
      if (encoding?.field && encoding.scale?.type === "log") {
        const isWhisker = node.encoding[`${channel}2`];
        if (!isWhisker || now.few) fields.push(encoding.field, ...(isWhisker ? [node.encoding[`${channel}2`].field] : []));
      }
      (Array.isArray(node) ? node : node.layer ?? []).forEach(visit);
    };
    visit(spec);
    const values = now.rows.flatMap((row) => fields.map((field) => row[field])).filter((value) => value > 0);
    if (!values.length) return null;
    let [low, high] = [Math.min(...values, ...marked), Math.max(...values, ...marked)];
    const room = Math.max((high / low) ** 0.04, 1.01);
    [low, high] = [low / room, high * room];
    return { domain: [low, high], values: logTicks(low, high, length, tickRoom) };
  }
  function patched(spec, content, now, series, width) { // scales, axes and legends that depend on the page
    const { few } = now, count = now.ids.length;
    const logs = { x: logDomain(spec, "x", now, width, besideTicks), y: logDomain(spec, "y", now, content.height, () => 1.5 * LABEL_LINE) };
    const visit = (node) => {
      if (Array.isArray(node)) return node.map(visit);
      if (!node || typeof node !== "object") return node;
      const copy = {};
      for (const [name, value] of Object.entries(node)) copy[name] = visit(value);
      if (copy.mark?.type === "text") copy.mark = { color: css("--ink", "black"), ...copy.mark }; // which Vega-Lite does not take from its configuration
      if (copy.mark?.type === "point" && count < FEWEST && copy.mark.size > 12) copy.mark.size = Math.max(copy.mark.size, 60);
      for (const name of ["color", "stroke"]) if (copy.mark?.[name]) copy.mark[name] = themed(copy.mark[name]);
      if (copy.mark?.strokeOpacity) copy.mark.strokeOpacity = Math.max(copy.mark.strokeOpacity, LEAST_OPACITY);
      if (copy.mark?.type === "rule" && copy.mark.opacity && copy.encoding?.color) copy.mark.opacity = Math.max(copy.mark.opacity, LEAST_OPACITY);
      if (copy.encoding) {
        for (const [channel, encoding] of Object.entries(copy.encoding)) {
          if (encoding.field === "place") {
            encoding.scale = { type: "band", paddingInner: few ? 0.2 : channel === "y" ? 0.15 : 0, paddingOuter: few ? 0.1 : 0 };
            encoding.sort = null;
            const angle = few && count > 2 ? slant(now.labels, width / count, MARGIN_X) : 0;
            encoding.axis = channel === "y" ? { title: null, ...unlimited("labels") }
              : { labelExpr: "labels[datum.value]", title: null, ticks: false, labelOverlap: few || now.sort === "soc" ? false : "greedy", labelLimit: 0,
                  labelAngle: angle, labelAlign: angle ? "right" : { expr: "aligned[datum.value]" } };
          }
          if (encoding.scale?.range && encoding.legend) encoding.scale.range = encoding.scale.range.map(themed);
          if (encoding.legend && now.narrow) encoding.legend = { ...encoding.legend, orient: "bottom", direction: "horizontal", gradientLength: Math.min(200, width) };
          if (encoding.field === content.seriesField && ["color", "fill", "stroke", "shape"].includes(channel)) {
            encoding.scale = { domain: series.domain, range: channel === "shape" ? series.shapes : series.colors };
            encoding.legend = null;
          }
        }
        const { x, y } = copy.encoding;
        if (content.line && y?.field === content.line) y.axis = { ...y.axis, ...unlimited("lines") };
        if (x?.axis?.labelAngle < 0 && Array.isArray(x.sort)) {
          const angle = slant(x.sort, width / x.sort.length, now.beside);
          x.axis = { ...x.axis, labelAngle: angle, labelAlign: angle ? "right" : "center", labelLimit: 0, labelOverlap: false };
        }
        if (copy.encoding.x?.axis?.title) copy.encoding.x.axis = { ...copy.encoding.x.axis, title: inLines(copy.encoding.x.axis.title, width) };
        if (x?.type === "quantitative" && x.axis && x.scale?.type !== "log") x.axis = { ...x.axis, tickCount: Math.max(2, Math.min(x.axis.tickCount ?? 8, Math.floor(width / (x.axis.format?.includes("%") ? PERCENT_TICK : TICK)))) };
        for (const channel of ["x", "y"]) {
          const encoding = copy.encoding[channel];
          if (encoding?.scale?.type !== "log" || !logs[channel]) continue;
          encoding.scale = { type: "log", domain: logs[channel].domain, nice: false };
          const { tickCount, ...axis } = encoding.axis; // with which Vega would leave out values
          encoding.axis = { ...axis, values: logs[channel].values, labelOverlap: "greedy" };
          copy.mark = { ...copy.mark, clip: copy.mark?.type !== "text" };
        }
        const areHidden = !few && JSON.stringify(copy.encoding.opacity ?? "").includes("few ?");
        for (const channel of areHidden ? ["x", "y"] : []) { // whiskers that are hidden do not stretch the axis
          const [end, start] = [copy.encoding[`${channel}2`], copy.encoding[channel]];
          if (!end || start.scale?.type === "log") continue;
          const scale = spec.resolve?.scale?.[channel] ? `child_${channel}` : channel; // panels with an axis of their own
          const at = (field) => ({ expr: `scale('${scale}', datum['${field}'])` });
          copy.mark = { ...copy.mark, clip: true, [channel]: at(start.field), [`${channel}2`]: at(end.field) };
          delete copy.encoding[channel];
          delete copy.encoding[`${channel}2`];
        }
        if (!few) delete copy.encoding.xOffset;
      }
      return copy;
    };
    return visit(spec);
  }
  function config() {
    const ink = css("--ink", "black"), grid = css("--line", "gray"), font = getComputedStyle(document.body).fontFamily;
    const axis = { labelColor: ink, titleColor: ink, labelFontSize: 11, labelLineHeight: LABEL_LINE, titleFontSize: 11, titleFontWeight: "normal", labelFlush: false, domainColor: grid, tickColor: grid, gridColor: grid };
    return {
      aria: false, background: "transparent", font, view: { stroke: null }, axis,
      header: { labelColor: ink, labelFontSize: 12, labelFontWeight: "bold", title: null },
      legend: { labelColor: ink, titleColor: ink, labelFontSize: 11, titleFontSize: 11 },
      rule: { color: ink }, mark: { color: ink }, text: { color: ink },
    };
  }
  function data(figure) {
    const { content } = figure;
    const view = figure.view();
    const rows = figure.rows.filter(isShown);
    const sort = sortOf(figure), down = content.deviceAxis === "y"; // devices from top to bottom are those of a ranking
    const ids = order(rows, view, sort, down);
    const place = new Map(ids.map((id, index) => [id, index]));
    for (const row of rows) row.place = place.get(row.device_id);
    rows.sort((a, b) => a.place - b.place || a.number - b.number);
    return { rows, ids, sort, labels: labels(ids, sort, down), starts: starts(ids, sort), few: ids.length <= FEW };
  }
  function specification(figure, now) {
    const { content } = figure;
    const width = widthOf(figure);
    const series = look(content);
    const { resolve } = figure.view().spec;
    const panels = content.panel ? [...new Set(figure.rows.map((row) => row[content.panel]))].filter((name) => now.rows.some((row) => row[content.panel] === name)) : [];
    const mostNarrow = panels.length > 8 && !hasLines(content) && !resolve?.scale?.y ? 2 : 1; // small panels, instead of a very long page
    const most = Math.min(width < NARROW ? mostNarrow : width < WIDE ? 2 : content.columns, content.columns, panels.length || 1);
    const columns = most > 2 && panels.length % most && panels.length % (most - 1) === 0 ? most - 1 : most; // full rows
    const names = !hasLines(content) ? [] : content.line ? [...new Set(now.rows.map((row) => row[content.line]))].filter(known) : now.labels;
    const lines = names.map((name) => inLines(name, 0.42 * width / (resolve?.scale?.y ? columns : 1)));
    const linesOf = Object.fromEntries(names.map((name, place) => [name, lines[place]]));
    if (content.deviceAxis === "y") now.labels = lines;
    const beside = hasLines(content) ? widest(lines.flat()) + 20 : MARGIN_X; // names or numbers of the y axis
    now.narrow = width < NARROW;
    const legend = !now.narrow && JSON.stringify(figure.view().spec).includes('"legend":{') ? 70 : 0;
    now.beside = beside;
    const isNumeric = [figure.view().spec, ...(figure.view().spec.layer ?? [])].some((layer) => layer.encoding?.x?.type === "quantitative");
    const apart = resolve?.scale?.y ? beside : isNumeric ? 2 * END : 14; // px, of panels beside each other
    const inner = Math.max(120, Math.floor((width - beside - legend - (isNumeric ? 8 + END : 16) - apart * (columns - 1)) / columns));
    const titles = Object.fromEntries(panels.map((name) => [name, inLines(String(name), 0.8 * inner)])); // larger, and in bold
    const isBeside = panels.every((name) => 1.2 * widest(titles[name]) + 2 * labelWidth(figure.mark) + 8 <= inner); // the mark, the title
    if (figure.mark && mayBeCovered(figure.view().spec) && !isBeside) panels.forEach((name) => titles[name].push("\u200b")); // a line for the mark
    const { resolve: _, ...unit } = patched(figure.view().spec, content, now, series, inner);
    const mostLines = (texts) => Math.max(1, ...texts.map((lines) => lines.length));
    const below = mostLines([unit, ...(unit.layer ?? [])].map((layer) => layer.encoding?.x?.axis?.title).filter(Array.isArray));
    const between = { row: (resolve?.scale?.x ? 48 + 14 * below : 30) + 14 * mostLines(Object.values(titles)), column: apart };
    const count = (name) => new Set(now.rows.filter((row) => row[content.panel] === name).map((row) => row[content.line])).size;
    const lineHeight = Math.max(content.height, LABEL_LINE * mostLines(lines) + 5);
    const height = !hasLines(content) ? content.height
      : resolve?.scale?.y ? lineHeight * Math.max(...panels.map(count)) : { step: lineHeight };
    const mark = figure.mark ? [{ name: "origin", data: { values: [{}] }, mark: { type: "text", text: figure.mark, fontSize: 11 }, // see `placeMarks`
      encoding: { x: { value: inner / 2 }, y: { value: 20 } } }] : [];
    let layers = { layer: [...(unit.layer ?? [unit]), ...mark] };
    if (content.deviceAxis === "x" && now.starts.length) {
      const line = { data: { name: "starts" }, mark: { type: "rule", strokeWidth: 1, opacity: 0.3 },
        encoding: { x: { field: "place", type: "ordinal", bandPosition: 0, sort: null } } };
      layers.layer.push(patched(line, content, now, series, inner));
    }
    const panel = { ...layers, width: inner, height };
    const step = inner / now.ids.length, byVendor = content.deviceAxis === "x" && now.sort === "soc" && !now.few;
    const aligned = byVendor ? alignments(now.labels, step) : now.labels.map(() => "center");
    if (byVendor) now.labels = staggered(now.labels, step);
    else if (content.deviceAxis === "x" && now.few && now.ids.length < 3) now.labels = now.labels.map((name) => inLines(name, step - 8));
    const repeated = content.deviceAxis === "x" && !now.few && panels.length > columns ? { axis: { x: "independent" } } : {}; // its labels below each panel
    const layout = resolve ? { resolve: { ...resolve, ...repeated }, bounds: "flush", spacing: between } : { resolve: repeated, spacing: { row: 14, column: apart } };
    const whole = panels.length
      ? { facet: { field: content.panel, type: "nominal", sort: panels, title: null, header: { labelExpr: "titles[datum.label]" } }, columns, spec: panel, ...layout }
      : panel;
    const top = figure.mark && !panels.length ? 16 : 4; // room for the mark above a panel without a title
    return {
      $schema: "https://vega.github.io/schema/vega-lite/v6.json",
      params: [{ name: "highlighted", value: lit() }, { name: "labels", value: now.labels }, { name: "aligned", value: aligned }, { name: "lines", value: linesOf }, { name: "titles", value: titles }, { name: "few", value: now.few }, { name: "narrow", value: now.narrow }, { name: "tight", value: width < WIDE }],
      datasets: { rows: now.rows, starts: now.starts }, data: { name: "rows" }, padding: { left: 4, top, right: 4, bottom: 4 }, autosize: "pad",
      ...whole, config: config(),
    };
  }
  // ---- the word in each panel that says that the data are simulated or published ----
  const GRID = 4, FREE = 0.02; // pixels; the largest share of the word's box that may be hidden
  const COSTS = { text: 10, row: 4, other: 0.1 }; // of what the word would cross: labels, marks of rows, lines of reference
  const mayBeCovered = (spec) => [spec, ...(spec.layer ?? [])].some((layer) => ["bar", "rect"].includes(layer.mark?.type));
  function costsIn(panel, word) { // the summed costs of all squares left of and above each corner of a grid over a panel
    const columns = Math.ceil(panel.width / GRID), rows = Math.ceil(panel.height / GRID);
    const costs = Array.from({ length: rows + 1 }, () => new Float64Array(columns + 1));
    const cross = (left, top, right, bottom, cost) => {
      const [first, last] = [Math.max(0, Math.floor(left / GRID)), Math.min(columns - 1, Math.floor(right / GRID))];
      for (let row = Math.max(0, Math.floor(top / GRID)); row <= Math.min(rows - 1, Math.floor(bottom / GRID)); row += 1) {
        for (let column = first; column <= last; column += 1) costs[row + 1][column + 1] = Math.max(costs[row + 1][column + 1], cost);
      }
    };
    const visit = (mark, x, y) => {
      if (mark === word.mark || /^(axis|legend|title)/.test(mark.role ?? "")) return;
      mark.items.forEach((item, place) => {
        if (mark.marktype === "group") return item.items.forEach((inner) => visit(inner, x + (item.x ?? 0), y + (item.y ?? 0)));
        const cost = mark.marktype === "text" ? COSTS.text : item.datum?.number !== undefined ? COSTS.row : COSTS.other;
        if (mark.marktype === "line") { // its items are points
          const before = mark.items[Math.max(0, place - 1)], steps = Math.ceil((Math.abs(item.x - before.x) + Math.abs(item.y - before.y)) / GRID) || 1;
          for (let step = 0; step <= steps; step += 1) {
            const [at, down] = [x + before.x + (item.x - before.x) * step / steps, y + before.y + (item.y - before.y) * step / steps];
            cross(at, down, at, down, cost);
          }
        } else if (item.opacity !== 0 && item.bounds) cross(x + item.bounds.x1, y + item.bounds.y1, x + item.bounds.x2, y + item.bounds.y2, cost);
        return undefined;
      });
    };
    panel.items.forEach((mark) => visit(mark, 0, 0));
    for (let row = 1; row <= rows; row += 1) {
      for (let column = 1; column <= columns; column += 1) costs[row][column] += costs[row - 1][column] + costs[row][column - 1] - costs[row - 1][column - 1];
    }
    return costs;
  }
  function placeOf(word, panel, isRanking) { // the largest size and the best place at which the word crosses nothing, or else none
    const costs = costsIn(panel, word);
    const columns = costs[0].length - 1, rows = costs.length - 1;
    const [wantedX, wantedY] = isRanking ? [0.85, 0.85] : [0.5, 0.5];
    for (const size of [22, 18, 15, 13, 11]) {
      const width = Math.ceil((labelWidth(word.text) * size / 11 + 12) / GRID), height = Math.ceil((size + 8) / GRID);
      let best = null;
      for (let row = 0; row + height <= rows; row += 1) {
        for (let column = 0; column + width <= columns; column += 1) {
          const cost = costs[row + height][column + width] - costs[row][column + width] - costs[row + height][column] + costs[row][column];
          const share = cost / (width * height);
          if (share > FREE) continue;
          const [x, y] = [(column + width / 2) * GRID, (row + height / 2) * GRID];
          const far = share + 0.1 * Math.hypot(x / panel.width - wantedX, y / panel.height - wantedY);
          if (!best || far < best.far) best = { far, x, y, size };
        }
      }
      if (best) return best;
    }
    return null;
  }
  function placeMarks(figure) { // inside each panel where it is empty, or else small above its upper right corner
    const color = css(figure.mark === "PUBLISHED" ? "--published" : "--warn", "gray");
    for (const text of figure.box.querySelectorAll(".origin_marks text, .child_origin_marks text")) {
      const word = text.__data__, panel = word.mark.group;
      const place = placeOf(word, panel, hasLines(figure.content));
      text.classList.add("origin-word", ...(place ? ["light"] : []));
      text.style.fill = color;
      const [x, y] = place ? [place.x, place.y + 0.35 * place.size] : [panel.width, figure.content.panel ? -10 : -4];
      text.setAttribute("transform", `translate(${x},${y})`);
      text.setAttribute("text-anchor", place ? "middle" : "end");
      text.style.fontSize = `${place?.size ?? 11}px`;
    }
  }
  const widthOf = (figure) => isPrinting ? PAPER : figure.box.clientWidth;
  const lit = () => drawnDevices.has(hovered) ? [hovered] : chosen().length === 1 ? chosen() : [];

  async function draw(figure) {
    figure.isCurrent = figure.drawn = widthOf(figure) > 0; // a folded figure is drawn when it is opened
    if (!figure.drawn) return;
    const now = data(figure);
    const hint = !now.few && JSON.stringify(figure.view().spec).includes("few ?") ? `${canHover ? "Point at" : "Touch"} a device to see its interval.` : "";
    figure.count.replaceChildren(...(now.ids.length < figure.all ? [`${now.ids.length} of ${figure.all} devices. `] : []), ...(hint ? [make("span", { class: "hint" }, hint)] : []));
    if (!now.rows.length) {
      figure.vega?.finalize();
      figure.vega = figure.stops = null;
      figure.box.replaceChildren(make("p", { class: "nothing" }, "No rows are left: change the filters."));
      return;
    }
    const compiled = vegaLite.compile(specification(figure, now));
    figure.vega?.finalize();
    figure.box.replaceChildren();
    const view = new vega.View(vega.parse(compiled.spec), { renderer: "svg", container: figure.box, hover: false, logLevel: vega.Error });
    figure.vega = view;
    figure.stops = null;
    view.tooltip(() => {});
    view.addEventListener("pointermove", (event, item) => point(figure, event, item?.datum));
    view.addEventListener("pointerdown", (event, item) => { if (event.pointerType === "touch") point(figure, event, item?.datum); });
    view.addEventListener("pointerout", (event) => { if (event.pointerType !== "touch") { hide(); hover(""); } }); // a finger leaves at once
    view.addEventListener("click", (event, item) => { if (item?.datum?.device_id) choose({ first: state.first === item.datum.device_id ? "" : item.datum.device_id }); });
    await view.runAsync();
    placeMarks(figure);
    describe(figure); // in place of Vega's own attributes
    figure.box.style.minHeight = "";
    const svg = figure.box.querySelector("svg");
    svg.querySelectorAll("[role]").forEach((part) => { part.removeAttribute("role"); part.removeAttribute("aria-roledescription"); });
    svg.id = `drawing-${figures.indexOf(figure)}`;
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", figure.alt);
    svg.setAttribute("focusable", "false");
  }
  // Figures on the screen are drawn at once, those near it when they come near, and all others one after the other in idle time.
  const idle = window.requestIdleCallback ? (action) => requestIdleCallback(action, { timeout: 1000 }) : (action) => setTimeout(action, 50);
  const distance = ({ box }) => { const { top, bottom } = box.getBoundingClientRect(); return Math.max(0, top - innerHeight, -bottom); };
  const isOnScreen = (figure) => distance(figure) === 0;
  let pending = 0, isResting = false, lastInput = -Infinity;
  function redraw(later = false) {
    figures.forEach((figure) => { figure.isCurrent = false; });
    document.documentElement.dataset.figures = "behind";
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(() => {
      figures.filter(isOnScreen).forEach(draw);
      drawRest();
    });
    if (!later) broadcast();
  }
  function drawRest() { // the nearest figure that does not show the present choices, and then the next one
    if (isResting) return;
    isResting = true;
    idle(() => {
      isResting = false;
      if (performance.now() - lastInput < QUIET) return setTimeout(drawRest, QUIET);
      const isBehind = (figure) => !figure.isCurrent && widthOf(figure) > 0;
      const [next] = figures.filter(isBehind).sort((a, b) => distance(a) - distance(b));
      if (next) { draw(next); drawRest(); } else document.documentElement.dataset.figures = "current";
      return undefined;
    });
  }

  // ---- the pointer, the keyboard and the tables ----
  const tip = make("div", { class: "tip", hidden: "" });
  const spoken = make("p", { class: "hidden", role: "status", "aria-live": "polite" }); // the values that arrow keys lead to
  function text(figure, row) {
    const device = DEVICES.get(row.device_id);
    const lines = figure.content.facts.map((fact) => [fact.label, words(fact, row)]).filter(([, value]) => value);
    const { panel: panelField, line } = figure.content;
    const titles = [device?.name ?? row[line], row[panelField]].filter(known); // of the mark and, if it is another, of its panel
    const soc = device ? [device.soc, device.android && `Android ${device.android}`].filter(Boolean).join(", ") : "";
    return { head: [titles[0] ?? "", soc], panel: titles[1] === titles[0] ? "" : titles[1], lines };
  }
  function show(figure, row, x, y) {
    const { head, panel, lines } = text(figure, row);
    tip.replaceChildren(make("b", {}, head[0]), ...(head[1] ? [make("span", { class: "soc" }, head[1])] : []),
      ...(panel ? [make("span", { class: "panel" }, panel)] : []),
      make("dl", {}, ...lines.flatMap(([label, value]) => [make("dt", {}, label), make("dd", {}, value)])));
    tip.hidden = false;
    const left = Math.min(x + 14, innerWidth - tip.offsetWidth - 8), top = y + 16 + tip.offsetHeight > innerHeight ? y - tip.offsetHeight - 12 : y + 16;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${Math.max(4, top)}px`;
  }
  const hide = () => { tip.hidden = true; };
  function point(figure, event, row) {
    if (row?.number === undefined) { hide(); return hover(""); } // not one of the rows
    show(figure, row, event.clientX, event.clientY);
    hover(row.device_id ?? "");
  }
  const highlight = (figure) => figure.vega?.signal("highlighted", lit()).runAsync();
  let turn = 0;
  async function highlightAll() { // the figures on the screen at once, and then the others, unless it is called again
    const now = turn += 1, drawn = figures.filter((figure) => figure.drawn), onScreen = drawn.filter(isOnScreen);
    onScreen.forEach(highlight);
    for (const figure of drawn.filter((item) => !onScreen.includes(item))) {
      await new Promise((resolve) => { setTimeout(resolve, 20); });
      if (now !== turn) return;
      highlight(figure);
    }
  }
  function hover(device, told = true) {
    lastInput = performance.now();
    if (device === hovered) return;
    hovered = device;
    highlightAll();
    if (told) document.dispatchEvent(new CustomEvent("aiot:hover", { detail: { device, source: "figure" } }));
    broadcast();
  }
  document.addEventListener("aiot:hover", (event) => { if (event.detail.source !== "figure") hover(event.detail.device ?? "", false); });
  function broadcast() {
    const all = [...DEVICES.values()];
    const visible = all.filter(isVisible);
    document.dispatchEvent(new CustomEvent("aiot:devices", {
      detail: { visible: visible.length === all.length ? null : new Set(visible.map((device) => device.id)), highlighted: hovered ? [hovered] : chosen() },
    }));
  }
  function stops(figure) { // the different tooltips of a drawing and the places of their first marks, panel by panel
    const [left, top] = figure.vega.origin(), padding = figure.vega.padding();
    const found = new Map();
    const visit = (mark, x, y) => {
      for (const item of mark.items) {
        if (mark.marktype === "group") item.items.forEach((inner) => visit(inner, x + (item.x ?? 0), y + (item.y ?? 0)));
        else if (mark.role === "mark" && item.datum?.number !== undefined) {
          const { head, panel, lines } = text(figure, item.datum), { x1, x2, y1, y2 } = item.bounds;
          const said = [...head, panel, ...lines.map((line) => line.join(" "))].filter(Boolean).join(", ");
          if (!found.has(said)) found.set(said, { said, row: item.datum, x: x + (x1 + x2) / 2, y: y + (y1 + y2) / 2 });
        }
      }
    };
    visit(figure.vega.scenegraph().root, left + padding.left, top + padding.top);
    return [...found.values()];
  }
  function leave() {
    spoken.textContent = "";
    hide();
    hover("");
  }
  function keys(figure, event) {
    if (event.key === "Escape") { figure.stop = ""; return leave(); }
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step && figure.vega) figure.stops ??= stops(figure);
    const all = (step && figure.stops) || [];
    if (!all.length) return undefined;
    event.preventDefault();
    const at = all.findIndex((stop) => stop.said === figure.stop);
    const after = (place) => (place + step + all.length) % all.length;
    let next = at < 0 ? (step > 0 ? 0 : all.length - 1) : after(at);
    if (at >= 0 && ["ArrowUp", "ArrowDown"].includes(event.key)) while (all[next].row.number !== all[at].row.number) next = after(next);
    const { said, row, x, y } = all[next];
    figure.stop = spoken.textContent = said;
    hover(row.device_id ?? "");
    const place = () => figure.box.querySelector("svg").getBoundingClientRect();
    const seen = place().top + y, above = Math.max(0, document.getElementById("toolbar")?.getBoundingClientRect().bottom ?? 0);
    if (seen < above || seen > innerHeight) scrollBy(0, seen - (above + innerHeight) / 2);
    show(figure, row, place().left + x, place().top + y);
    return undefined;
  }
  function describe(figure) {
    const within = figure.content.series.length > 1 ? ", up and down within a series" : "";
    const finding = (figure.element.querySelector(".finding")?.textContent ?? "Figure").replace(/\.$/, "");
    figure.box.setAttribute("role", "application"); // screen readers leave the arrow keys to it
    figure.box.setAttribute("aria-roledescription", "interactive figure");
    figure.box.setAttribute("aria-label", `${finding}: left and right arrow keys go from value to value${within}`);
    figure.box.setAttribute("aria-describedby", `drawing-${figures.indexOf(figure)}`);
  }

  // ---- choices: the toolbar, the buttons of a figure, and the address ----
  function choose(values) {
    lastInput = performance.now();
    Object.assign(state, values);
    syncToolbar();
    write();
    redraw();
  }
  const toolbar = [], offers = []; // functions that show the choices, and disable the options that leave no rows
  function leavesRows(values) { // whether some figure would have rows with these choices
    const before = { ...state };
    Object.assign(state, values);
    const leaves = figures.some((figure) => figure.rows.some(isShown));
    Object.assign(state, before);
    return leaves;
  }
  function select(label, options, get, values) { // `values` returns the choices that an option stands for
    const control = make("select", { "aria-label": label }, ...options.map(([value, words]) => make("option", { value }, words)));
    control.addEventListener("change", () => choose(values(control.value)));
    toolbar.push(() => { control.value = get(); });
    offers.push(() => {
      for (const option of control.options) option.disabled = option.value !== "" && !option.selected && !leavesRows(values(option.value));
    });
    return make("label", {}, make("span", { "aria-hidden": "true" }, `${label} `), control);
  }
  function offered(name) { // the values of a filter
    const rows = OF_DEVICE.includes(name) ? [...DEVICES.values()] : figures.flatMap((figure) => figure.rows);
    return [...new Set(rows.map((row) => row[name]).filter(known))];
  }
  function buildToolbar(place) {
    const all = figures.flatMap((figure) => figure.rows);
    const devices = [...DEVICES.values()];
    const parts = [];
    if (devices.length > 1) {
      parts.push(select("Sort by", [["", "as drawn"], ["id", "id"], ["soc", "SoC"], ["value", "value"]], () => state.sort, (sort) => ({ sort })));
    }
    for (const [name, label] of Object.entries(FILTERS)) {
      const distinct = offered(name);
      if (name === "android") distinct.sort((a, b) => Number(a) - Number(b));
      else if (OF_DEVICE.includes(name)) distinct.sort();
      if (distinct.length < 2) continue;
      parts.push(select(label, [["", "all"], ...distinct.map((value) => [value, value])], () => state.filters[name] ?? "",
        (value) => ({ filters: { ...state.filters, [name]: value } })));
    }
    const timings = [...new Set(all.map((row) => row.timing).filter(known))];
    if (timings.length > 1) {
      if (!state.timing) state.timing = timings[0];
      parts.push(select("Time", timings.map((name) => [name, name.replaceAll("_", " ")]), () => state.timing, (timing) => ({ timing })));
    }
    if (devices.length > 1) {
      const options = [["", "–"], ...[...devices].sort((a, b) => a.name.localeCompare(b.name)).map((device) => [device.id, device.name])];
      parts.push(select("Device", options, () => state.first, (first) => ({ first })));
      if (devices.length > 2) parts.push(select("beside", options, () => state.second, (second) => ({ second })));
    }
    if (!parts.length) return;
    const reset = make("button", { type: "button" }, "Reset");
    reset.addEventListener("click", () => choose({ sort: "", timing: timings[0] ?? "", first: "", second: "", filters: {}, views: {} }));
    const box = make("details", { class: "toolbar", ...(innerWidth > 900 ? { open: "" } : {}) }, make("summary", {}, "Choose what the figures show"),
      make("div", { class: "choices", role: "group", "aria-label": "What the figures show" }, ...parts, reset));
    place.replaceChildren(box);
    place.hidden = false;
    const banner = document.querySelector("main .banner");
    if (banner) (banner.closest(".output") ?? banner).after(place);
  }
  let offering = 0;
  function syncToolbar() {
    toolbar.forEach((update) => update());
    figures.forEach((figure) => figure.sync());
    clearTimeout(offering);
    offering = setTimeout(() => offers.forEach((update) => update()), 60); // after the figures
  }

  function write() {
    const values = new URLSearchParams();
    if (state.sort) values.set("sort", state.sort);
    for (const [name, value] of Object.entries(state.filters)) if (value) values.set(name, value);
    if (chosen().length) values.set("devices", chosen().join(","));
    if (state.timing && state.timing !== state.firstTiming) values.set("timing", state.timing);
    for (const [name, view] of Object.entries(state.views)) values.set(`view-${name}`, view);
    const text = values.toString();
    const address = (anchor) => text ? `#${anchor}&${text}` : anchor ? `#${anchor}` : "";
    const hash = address(parts().anchor);
    try { history.replaceState(null, "", hash || location.pathname + location.search); } catch { location.hash = hash; }
    document.querySelectorAll("a.anchor-link, a.permalink").forEach((link) => {
      link.dataset.anchor ??= link.getAttribute("href").slice(1);
      link.setAttribute("href", address(link.dataset.anchor));
    });
  }
  function parts() { // the anchor in the address, and the choices after the first "&"
    const hash = location.hash.slice(1);
    if (document.getElementById(decodeURIComponent(hash))) return { anchor: hash, text: "" };
    const end = hash.indexOf("&");
    return end < 0 ? { anchor: hash, text: "" } : { anchor: hash.slice(0, end), text: hash.slice(end + 1) };
  }
  function readAddress(jump) {
    const { anchor, text } = parts();
    const values = new URLSearchParams(text);
    const [first = "", second = ""] = (values.get("devices") ?? "").split(",").filter((id) => DEVICES.has(id));
    Object.assign(state, {
      sort: ["id", "soc", "value"].includes(values.get("sort")) ? values.get("sort") : "",
      timing: values.get("timing") ?? state.firstTiming ?? "", first, second, filters: {}, views: {},
    });
    for (const name of Object.keys(FILTERS)) if (offered(name).includes(values.get(name))) state.filters[name] = values.get(name);
    for (const [name, value] of values) if (name.startsWith("view-")) state.views[name.slice(5)] = value;
    if (jump && text && anchor) document.getElementById(decodeURIComponent(anchor))?.scrollIntoView();
  }

  function legend(content, view) {
    const ofSeries = (layer) => ["color", "fill", "stroke"].some((channel) => layer.encoding?.[channel]?.field === content.seriesField);
    const marks = (view.spec.layer ?? [view.spec]).filter(ofSeries).map((layer) => layer.mark.type);
    const areAreas = marks.length > 0 && marks.every((mark) => mark === "bar" || mark === "rect");
    const items = content.series.map((series) => {
      const isLine = series.shape === "stroke" || series.shape === "dash";
      const sign = areAreas && !isLine ? "■" : { circle: "●", square: "■", "triangle-up": "▲", diamond: "◆", "triangle-down": "▼", cross: "✚", stroke: "┃", dash: "━" }[series.shape] ?? "●";
      return make("li", {}, make("span", { class: "sign", style: `color: var(--figure-${series.color.slice(1).toLowerCase()}, ${series.color})`, "aria-hidden": "true" }, sign), ` ${series.name}`);
    });
    if (content.hollow) items.push(make("li", {}, make("span", { class: "sign", "aria-hidden": "true" }, "○"), ` hollow: ${content.hollow}`));
    return make("ul", { class: "legend", "aria-label": "Legend" }, ...items);
  }
  function build(source) {
    const content = JSON.parse(source.textContent);
    const element = source.closest("figure");
    const box = element.querySelector("div.chart");
    const figure = { content, element, rows: rowsOf(content), box: make("div", { class: "drawing" }), name: element.id, drawn: false, isCurrent: false, vega: null, stops: null, stop: "" };
    figure.view = () => content.views.find((view) => view.name === state.views[figure.name]) ?? content.views[0];
    figure.all = new Set(figure.rows.map((row) => row.device_id).filter(known)).size;
    figure.alt = box.dataset.alt || element.querySelector("figcaption")?.textContent?.trim() || "Figure";
    figure.count = make("output", { class: "count" });
    const buttons = content.views.length < 2 ? [] : content.views.map((view) => {
      const button = make("button", { type: "button" }, view.label);
      button.addEventListener("click", () => choose({ views: { ...state.views, [figure.name]: view.name } }));
      return button;
    });
    const note = make("p", { class: "finding-note", hidden: "" }, "The sentence above is about all data of this page, the chart about the chosen ones.");
    element.querySelector(".finding")?.after(note);
    let signs = legend(content, figure.view());
    figure.sync = () => {
      buttons.forEach((button, place) => button.setAttribute("aria-pressed", String(content.views[place] === figure.view())));
      note.hidden = !isPart();
      const now = legend(content, figure.view());
      signs.replaceWith(now);
      signs = now;
    };
    const head = make("div", { class: "head" }, ...(content.series.length || content.hollow ? [signs] : []), ...(buttons.length ? [make("div", { class: "views", role: "group", "aria-label": "Values" }, ...buttons)] : []), figure.count);
    const distinct = (column) => column ? new Set(figure.rows.map((row) => row[column])).size : 1;
    const lines = content.deviceAxis === "y" ? figure.all : distinct(content.line); // so that the page does not jump:
    figure.box.style.minHeight = `${Math.ceil(distinct(content.panel) / content.columns) * (lines * content.height + 36) + 20}px`;
    figure.mark = document.querySelector(".banner.simulated") ? "SIMULATED" : document.querySelector(".banner.published") ? "PUBLISHED" : "";
    if (figure.mark) head.append(make("span", { class: `origin-mark ${figure.mark.toLowerCase()}` }, figure.mark.toLowerCase()));
    box.append(head, figure.box);
    element.removeAttribute("tabindex"); // the drawing itself takes the focus
    figure.box.tabIndex = 0;
    figure.box.addEventListener("keydown", (event) => keys(figure, event));
    figure.box.addEventListener("blur", leave);
    figure.box.addEventListener("pointercancel", leave); // a finger that scrolls the page
    figures.push(figure);
    describe(figure);
  }

  document.addEventListener("DOMContentLoaded", () => {
    const sources = document.querySelectorAll("figure script.chart");
    if (!sources.length || typeof vega === "undefined") return;
    read("devices").forEach((device, place) => DEVICES.set(device.id, { ...device, place }));
    sources.forEach(build);
    figures.forEach((figure) => figure.rows.forEach((row) => drawnDevices.add(row.device_id)));
    for (const id of DEVICES.keys()) if (!drawnDevices.has(id)) DEVICES.delete(id); // nothing to choose
    document.body.append(tip, spoken);
    readAddress(false);
    const place = document.getElementById("toolbar");
    if (place) buildToolbar(place);
    state.firstTiming = [...new Set(figures.flatMap((figure) => figure.rows.map((row) => row.timing)).filter(known))][0] ?? "";
    readAddress(true);
    syncToolbar();
    write();
    const seen = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const figure = figures.find((item) => item.box === entry.target);
        if (entry.isIntersecting && !figure.isCurrent) draw(figure);
      }
      drawRest();
    }, { rootMargin: "600px" });
    addEventListener("pointerdown", (event) => { if (!event.target.closest?.(".drawing")) leave(); });
    figures.forEach((figure) => seen.observe(figure.box));
    broadcast();
    addEventListener("hashchange", () => { readAddress(true); syncToolbar(); redraw(); });
    const print = (starts) => () => { isPrinting = starts; figures.forEach(draw); };
    addEventListener("beforeprint", print(true));
    addEventListener("afterprint", print(false));
    if (place) {
      const measure = () => document.documentElement.style.setProperty("--toolbar", `${getComputedStyle(place).position === "sticky" ? place.offsetHeight : 0}px`);
      new ResizeObserver(measure).observe(place);
    }
    let width = innerWidth;
    addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; redraw(true); } });
    new MutationObserver(() => redraw(true)).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw(true));
    document.documentElement.dataset.charts = "ready";
  });
})();
