/* The playground draws what rules.js computes, in each <div class="playground">; with `data-small` it is a picture with a
   few sliders. What is shown is one value, { surface, start, steps, noise, seed, runs: [{ rule, options }] }. */
"use strict";

globalThis.BookPlayground = (() => {
const { rules, surfaces, minimize, clip } = globalThis.BookRules;

/* what there is to choose */

/* Name, colour and dashes of each rule, as in labkit.plotting; a test compares them. */
const LINES = {
	GradientDescent: ["gradient descent", "#0072B2", ""],
	Momentum: ["momentum", "#D55E00", "7 4"],
	Nesterov: ["Nesterov", "#B07A00", "8 3 2 3"],
	Adagrad: ["Adagrad", "#8C8C00", "10 2"],
	RMSprop: ["RMSprop", "#009E73", "6 2 2 2"],
	Adam: ["Adam", "#B5478B", ""],
	AMSGrad: ["AMSGrad", "#7A1F5C", "7 4"],
	AdamW: ["AdamW", "#5B3FA0", "8 3 2 3"],
};
const RATES = ["#2a0593", "#4b03a1", "#6700a8", "#8305a7", "#9c179e", "#b22b8f", "#c6417d", "#d6556d", "#e56a5d"];
const DASHES = ["", "7 4", "2 3", "8 3 2 3"];
const WRONG = { color: "#777777", dash: "2 3" }; // a switch has made another rule of it

const between = (low, high) => (x) => x >= low && x <= high;
/* `to` and `from` turn a value into a place on its slider, which runs from `low` to `high`, and back. */
const share = (symbol, name) => ({
	symbol, name, ok: (x) => x >= 0 && x < 1, low: 0, high: 4,
	to: (x) => -Math.log10(1 - x), from: (s) => Number((1 - 10 ** -s).toFixed(4)),
});
const size = (symbol, name, low, high, ok) => ({
	symbol, name, ok, low, high,
	to: (x) => (x > 0 ? Math.log10(x) : low), from: (s) => (s <= low && ok(0) ? 0 : Number((10 ** s).toPrecision(3))),
});
const plain = (name, low, high, step) => ({
	name, low, high, step, to: Number, from: Number, ok: (x) => x >= low && x <= high && (step !== 1 || x % 1 === 0),
});
const OPTIONS = {
	learning_rate: size("α", "learning rate", -4, 1, (x) => x > 0 && x <= 1000),
	momentum: share("β", "momentum"),
	rho: share("ρ", "memory"),
	beta_1: share("β₁", "memory of the mean"),
	beta_2: share("β₂", "memory of the squares"),
	epsilon: size("ε", "epsilon", -10, 0, between(0, 1000)),
	weight_decay: size("λ", "weight decay", -4, 1, between(0, 1000)),
	initial_accumulator_value: size("a", "start of the sum", -4, 1, between(0, 1000)),
	bias_correction: { name: "correct the start of the means", off: "no correction" },
	square: { name: "square the gradients (off is wrong)", off: "no square" },
	centered: { name: "centred: divide by the spread", on: "centred" },
	epsilon_inside: { name: "epsilon under the root", off: "epsilon outside" },
	epsilon_hat: { name: "epsilon-hat, as in Keras", on: "epsilon-hat" },
	rate_inside: { name: "rate inside the velocity", off: "rate outside" },
};
const WORLD = {
	steps: plain("steps", 10, 1000, 1),
	noise: plain("noise of the gradient", 0, 10, 0.1),
	seed: plain("seed of the noise", 0, 9999, 1),
};
const VIEWS = {
	ravine: { name: "ravine", x: [-10, 7], y: [-4, 4], bend: 2 },
	rosenbrock: { name: "Rosenbrock's banana", x: [-2, 2], y: [-1, 3], bend: 4 },
	double_well: { name: "double well (one parameter)", x: [-1.75, 1.75] },
	saddle: { name: "saddle", x: [-1.5, 1.5], y: [-1.2, 1.2], bend: 1.4 },
	noisy_quadratic: { name: "noisy round bowl", x: [-5, 5], y: [-4, 4], bend: 2 },
	rare_gradients: { name: "rare gradients (one parameter)", x: [-1.1, 1.1] },
};
const MAXIMUM = 8; // runs

/* the state and its address */

const initial = (name) => ({
	surface: name, start: surfaces[name].start.slice(), steps: 100, noise: surfaces[name].noise || 0, seed: 0,
	runs: [{ rule: "GradientDescent", options: { learning_rate: 0.05 } }],
});

/* s=ravine&start=-9,1.5&steps=40&run=Adam,learning_rate:0.5,bias_correction:off */
function format(state) {
	const first = initial(state.surface);
	const parts = [`s=${state.surface}`, `start=${state.start.join(",")}`, `steps=${state.steps}`];
	for (const key of ["noise", "seed"]) if (state[key] !== first[key]) parts.push(`${key}=${state[key]}`);
	for (const { rule, options } of state.runs) {
		const words = Object.entries(options).map(([key, x]) => `${key}:${{ true: "on", false: "off" }[x] ?? x}`);
		parts.push(`run=${[rule, ...words.sort()].join(",")}`);
	}
	return parts.join("&");
}

function parseRun(text) {
	const [rule, ...words] = text.split(",");
	if (!Object.hasOwn(rules, rule)) return null;
	const options = {};
	for (const word of words) {
		const [key, value = ""] = word.split(":");
		const usual = Object.hasOwn(rules[rule].defaults, key) ? rules[rule].defaults[key] : undefined;
		if (typeof usual === "boolean" && ["on", "off"].includes(value)) options[key] = value === "on";
		if (typeof usual === "number" && OPTIONS[key].ok(parseFloat(value))) options[key] = parseFloat(value);
		if (options[key] === usual) delete options[key];
	}
	return { rule, options };
}

function parse(address) {
	let text = String(address).replace(/^[^#]*#/, "");
	try {
		text = decodeURIComponent(text);
	} catch {
		// a broken escape is read as it stands
	}
	const pairs = text.split("&").map((pair) => [pair.split("=")[0], pair.slice(pair.indexOf("=") + 1)]);
	const last = new Map(pairs);
	const name = Object.hasOwn(surfaces, last.get("s")) ? last.get("s") : "ravine";
	const state = initial(name);
	const limits = [VIEWS[name].x, VIEWS[name].y];
	const start = (last.get("start") || "").split(",").map((x) => parseFloat(x));
	if (start.length === state.start.length && start.every((x, i) => between(...limits[i])(x))) state.start = start;
	for (const [key, option] of Object.entries(WORLD)) {
		const x = parseFloat(last.get(key) || "");
		if (option.ok(x)) state[key] = x;
	}
	const runs = pairs.filter(([key]) => key === "run").map(([, value]) => parseRun(value)).filter(Boolean);
	if (runs.length) state.runs = runs.slice(0, MAXIMUM);
	return state;
}

/* words and numbers */

function say(x) {
	if (x === 0) return "0";
	const text = Math.abs(x) < 1e-3 || Math.abs(x) >= 1e5 ? x.toExponential(1) : String(Number(x.toPrecision(3)));
	return text.replaceAll("-", "−").replace("e+", "e");
}
const near = (x) => say(Math.abs(x) < 1e-9 ? 0 : x);
const point = (theta) => (theta.length > 1 ? `(${theta.map(near).join(", ")})` : near(theta[0]));

/* A run is named by its rule, its unusual switches, and the numbers in which runs of this rule differ. */
function label(run, runs) {
	const words = [];
	const namesakes = runs.filter((other) => other.rule === run.rule);
	for (const [key, usual] of Object.entries(rules[run.rule].defaults)) {
		const value = run.options[key] ?? usual;
		if (typeof usual === "boolean") {
			if (value !== usual) words.push(value ? OPTIONS[key].on : OPTIONS[key].off);
		} else if (namesakes.some((other) => (other.options[key] ?? usual) !== value)) {
			words.push(`${OPTIONS[key].symbol} = ${say(value)}`);
		}
	}
	return [LINES[run.rule][0], ...words].join(", ");
}

const switched = (run) => ["square", "bias_correction"].some((key) => run.options[key] === false);

/* An optimizer has one colour in the whole book; runs of one rule alone go from dark to bright. */
function styles(runs) {
	const alone = runs.length > 1 && runs.every((run) => run.rule === runs[0].rule && !switched(run));
	return runs.map((run, i) => {
		if (alone) return { color: RATES[Math.round((i / (runs.length - 1)) * 8)], dash: DASHES[i % DASHES.length] };
		const [, color, dash] = LINES[run.rule];
		const before = runs.slice(0, i).filter((other) => other.rule === run.rule && !switched(other)).length;
		return switched(run) && runs.length > 1 ? WRONG
			: { color, dash: before ? DASHES[(DASHES.indexOf(dash) + before + 1) % DASHES.length] : dash };
	});
}

function sentence(run, name) {
	const [first, end] = [run.loss[0], run.loss.at(-1)];
	const subject = name[0].toUpperCase() + name.slice(1);
	if (run.diverged_at) return `${subject} leaves the range of numbers at step ${run.diverged_at}.`;
	const more = end > first ? ", which is higher than at the start" : "";
	return `${subject} ends at ${point(run.theta.at(-1))} with the loss ${say(end)}${more}.`;
}

/* drawing */

const builder = (create) => (tag, properties = {}, ...children) => {
	const element = create(tag);
	for (const [key, value] of Object.entries(properties)) {
		if (key in element && create === html) element[key] = value;
		else element.setAttribute(key, value);
	}
	element.append(...children);
	return element;
};
const html = (tag) => document.createElement(tag);
const make = builder(html);
const svg = builder((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));

const box = (className, ...children) => make("div", { className }, ...children);
const on = (element, type, act) => element.addEventListener(type, act);

const power = (k) => `10${k < 0 ? "⁻" : ""}${[...String(Math.abs(k))].map((d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]).join("")}`;

function ticks([low, high], count, log) {
	const rough = Math.max((high - low) / count, log ? 1 : 0);
	const unit = 10 ** Math.floor(Math.log10(rough));
	const step = unit * [1, 2, 5, 10].find((m) => m * unit >= rough * (1 - 1e-9));
	const first = Math.ceil(low / step - 1e-9);
	return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
}

/* A frame with axes. What is put `inside` is cut off at the frame; px and py turn values into pixels. */
const [LEFT, RIGHT, TOP, BOTTOM] = [48, 16, 10, 36]; // margins
function frame(target, { x, y, height, log, xName, yName }) {
	const width = Math.max(target.clientWidth, 200);
	const [left, right, top, bottom] = [LEFT, width - RIGHT, TOP, height - BOTTOM];
	const px = (v) => clip(left + ((v - x[0]) / (x[1] - x[0])) * (right - left), -1e4, 1e4);
	const py = (v) => clip(bottom - ((v - y[0]) / (y[1] - y[0])) * (bottom - top), -1e4, 1e4);
	const inside = svg("svg", {
		x: left, y: top, width: right - left, height: bottom - top,
		viewBox: `${left} ${top} ${right - left} ${bottom - top}`,
	});
	const axes = svg("g", { class: "pg-axes" });
	const write = (text, at, anchor) => axes.append(svg("text", { ...at, "text-anchor": anchor }, text));
	for (const v of ticks(x, width / 80)) {
		axes.append(svg("path", { d: `M${px(v)} ${bottom}v4` }));
		write(say(v), { x: px(v), y: bottom + 16 }, "middle");
	}
	for (const v of ticks(y, height / 45, log)) {
		axes.append(svg("path", { d: `M${left} ${py(v)}h-4` }));
		write(log ? power(Math.round(v)) : say(v), { x: left - 7, y: py(v) + 4 }, "end");
	}
	axes.append(svg("path", { d: `M${left} ${top}V${bottom}H${right}` }));
	write(xName, { x: (left + right) / 2, y: height - 5 }, "middle");
	write(yName, { transform: `translate(13 ${(top + bottom) / 2}) rotate(-90)` }, "middle");
	target.setAttribute("viewBox", `0 0 ${width} ${height}`);
	target.setAttribute("height", height);
	target.replaceChildren(inside, axes);
	const add = (tag, attributes, ...words) => inside.append(svg(tag, attributes, ...words));
	return { add, px, py, left, right, top, bottom };
}

const line = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
const stroke = ({ color, dash }, more = {}) => ({
	fill: "none", stroke: color, "stroke-dasharray": dash, "stroke-width": 2, "stroke-linejoin": "round", ...more,
});

/* Level lines by marching squares, evenly spaced in a root of the height. */
const kept = {};
function contours(name, { px, py, left, right }) {
	const view = VIEWS[name];
	const key = `${name} ${left} ${right}`;
	if (kept[key]) return kept[key];
	const [nx, ny] = [72, 54];
	const spread = ([low, high], n) => Array.from({ length: n + 1 }, (_, i) => low + ((high - low) * i) / n);
	const [xs, ys] = [spread(view.x, nx), spread(view.y, ny)];
	const z = xs.map((x) => ys.map((y) => surfaces[name].value([x, y])));
	const [low, high] = [Math.min(...z.flat()), Math.max(...z.flat())];
	let d = "";
	for (let k = 1; k < 14; k++) {
		const level = low + (high - low) * (k / 14) ** view.bend;
		for (let i = 0; i < nx; i++) {
			for (let j = 0; j < ny; j++) {
				const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
				const cuts = [];
				corners.forEach(([a, b], c) => {
					const [e, f] = corners[(c + 1) % 4];
					if (z[a][b] < level === z[e][f] < level) return;
					const s = (level - z[a][b]) / (z[e][f] - z[a][b]);
					cuts.push([px(xs[a] + s * (xs[e] - xs[a])), py(ys[b] + s * (ys[f] - ys[b]))]);
				});
				for (let c = 0; c + 1 < cuts.length; c += 2) d += line(cuts.slice(c, c + 2));
			}
		}
	}
	kept[key] = d;
	return d;
}

/* The map: level lines and paths, or for one parameter the curve with the walkers on it. */
function drawMap(target, handle, state, runs, looks, now, chosen) {
	const view = VIEWS[state.surface];
	const { value, minimiser } = surfaces[state.surface];
	const flat = state.start.length === 1;
	const along = Array.from({ length: 201 }, (_, i) => [view.x[0] + ((view.x[1] - view.x[0]) * i) / 200]);
	let { y } = view;
	if (flat) {
		const heights = along.map(value);
		const [low, high] = [Math.min(...heights), Math.max(...heights)];
		y = [low - 0.15 * (high - low), high + 0.1 * (high - low)];
	}
	const height = Math.round(clip(target.clientWidth * (flat ? 0.38 : 0.6), 170, 430));
	const f = frame(target, { x: view.x, y, height, xName: flat ? "θ" : "θ₁", yName: flat ? "f" : "θ₂" });
	const place = (theta) => [f.px(theta[0]), f.py(flat ? value(theta) : theta[1])];
	if (flat) f.add("path", { d: line(along.map(place)), class: "pg-curve" });
	else f.add("path", { d: contours(state.surface, f), class: "pg-level" });
	for (const theta of state.surface === "saddle" ? [minimiser, minimiser.map((x) => -x)] : [minimiser]) {
		const [x, y0] = place(theta);
		f.add("text", { x, y: y0 + 6, class: "pg-star" }, "★");
	}
	const order = [...runs.keys()].sort((a, b) => (a === chosen) - (b === chosen)); // the chosen one on top
	for (const i of order) {
		const points = runs[i].theta.map(place);
		if (!flat) {
			f.add("path", { d: line(points.slice(now)), ...stroke(looks[i], { opacity: 0.25 }) });
			f.add("path", { d: line(points.slice(0, now + 1)), ...stroke(looks[i]), class: "pg-path" });
		}
		for (const [cx, cy] of points.length <= 201 ? points.slice(0, now + 1) : []) {
			f.add("circle", { cx, cy, r: 2.5, fill: looks[i].color });
		}
	}
	for (const i of order) {
		const [cx, cy] = place(runs[i].theta[Math.min(now, runs[i].theta.length - 1)]);
		f.add("circle", { cx, cy, r: 6, fill: looks[i].color, class: "pg-walker" });
	}
	[handle.style.left, handle.style.top] = place(state.start).map((p) => `${p}px`);
}

/* Curves against the step. A series is { values, first, look }: values[0] stands at the step `first`. */
function drawCurves(target, { series, steps, now, log, yName = "" }) {
	const of = (v) => (log ? Math.log10(v) : v);
	let all = series.flatMap((s) => s.values.map(of)).filter(Number.isFinite);
	if (!all.length) all = [0, 1];
	let [low, high] = [all.reduce((a, b) => Math.min(a, b)), all.reduce((a, b) => Math.max(a, b))];
	if (log) {
		// A run that is lost would press the rest flat, and far below there is only rounding.
		const begin = Math.max(low, ...series.map((s) => of(s.values[0])).filter(Number.isFinite));
		high = Math.min(high, begin + 3);
		low = Math.max(low, high - 12);
	}
	const room = (high - low) * 0.06 || 1;
	const f = frame(target, { x: [0, steps], y: [low - room, high + room], height: 200, log, xName: "step t", yName });
	if (!log && low < 0 && high > 0) {
		f.add("path", { d: `M${f.left} ${f.py(0)}H${f.right}`, class: "pg-zero" });
	}
	f.add("path", { d: `M${f.px(now)} ${f.top}V${f.bottom}`, class: "pg-now" });
	for (const { values, first = 0, look } of series) {
		let d = "";
		let pen = "M";
		values.forEach((v, i) => {
			if (Number.isFinite(of(v))) d += `${pen}${f.px(i + first).toFixed(1)} ${f.py(of(v)).toFixed(1)}`;
			pen = Number.isFinite(of(v)) ? "L" : "M";
		});
		f.add("path", { d, ...stroke(look) });
	}
}

/* What a rule remembers, as rows of one number for each parameter: gradient or mean, and the root of the squares. */
function memory(run, { rule, options }) {
	const o = { ...rules[rule].defaults, ...options };
	const hat = o.bias_correction ? "\u0302" : "";
	const rows = (key, beta = 0, f = Number) => run.state.slice(1).map((s) =>
		s[key].map((v) => f(v / (o.bias_correction ? 1 - beta ** s.count : 1))));
	if ("beta_1" in o) {
		const v = rows(rule === "AMSGrad" ? "v_max" : "v", o.beta_2, Math.sqrt);
		return { [`mean m${hat}`]: rows("m", o.beta_1), [`root √v${hat}`]: v };
	}
	if (rule === "Momentum" || rule === "Nesterov") return { "velocity v": rows("velocity") };
	const more = { Adagrad: () => ({ "root √G": rows("total", 0, Math.sqrt) }),
		RMSprop: () => (o.square ? { "root √v": rows("square", 0, Math.sqrt) } : { "mean of g": rows("mean") }) };
	return { "gradient g": run.grad, ...more[rule]?.() };
}

const swatch = (look) => svg("svg", { class: "pg-swatch", width: 30, height: 12, "aria-hidden": "true" },
	svg("path", { d: "M1 6H29", ...stroke(look, { "stroke-width": 3 }) }));

/* one playground */

let count = 0;

function playground(root) {
	const small = "small" in root.dataset;
	const page = root.dataset.full || "";
	const id = `pg${++count}`;
	const presets = small ? [] : Array.from(document.querySelectorAll(".pg-preset"), (entry) => {
		const link = entry.querySelector("a");
		return { entry, title: link.textContent, state: format(parse(link.hash)) };
	});
	const home = format(parse(root.dataset.state || presets[0]?.state || ""));
	const named = () => !small && location.hash.startsWith("#s=");
	let state = parse(named() ? location.hash : home);
	let chosen = small ? state.runs.length - 1 : 0;
	let now = state.steps;
	let runs = [];
	let names = [];
	let timer = 0;
	let playing = 0;

	/* its parts */
	const map = svg("svg", { class: "pg-plot", role: "img" });
	const handle = make("span", { className: "pg-handle", tabIndex: 0, role: "application" });
	const mapBox = box("pg-map pg-sheet", map, handle);
	const charts = {};
	const chart = (key, name) => {
		charts[key] = svg("svg", { class: "pg-plot", role: "img", "aria-label": `${name} against the step` });
		charts[`${key} key`] = make("span", { className: "pg-key" });
		return make("figure", { className: `pg-chart pg-${key}` },
			make("figcaption", {}, make("strong", {}, name), charts[`${key} key`]),
			box("pg-sheet", charts[key]));
	};
	const status = make("p", { role: "status" });
	const slide = make("input", { type: "range", min: 0, step: 1, id: `${id}-now` });
	const told = make("output", { className: "pg-told", htmlFor: `${id}-now` });
	const play = make("button", { type: "button", className: "pg-play" }, "Play");
	const choice = make("div", { className: "pg-runs", role: "group", "aria-label": "Runs" });
	const settings = make("fieldset", { className: "pg-settings", "aria-label": "Settings" });
	const world = make("fieldset", { className: "pg-settings" });
	const chips = make("div", { className: "pg-chips", role: "group", "aria-label": "Presets" });
	const note = box("pg-note");
	const link = make("a", {}, "Open in the playground");
	const copy = make("button", { type: "button" }, "Copy link");

	/* controls */

	/* A slider and a field for one number; `get` and `set` reach into the state. */
	function dial(key, option, get, set) {
		const name = option.symbol ? `${option.name} ${option.symbol}` : option.name;
		const range = make("input", {
			type: "range", id: `${id}-${key}`, "data-key": key, min: option.low, max: option.high, step: option.step || 0.01,
		});
		const field = make("input", {
			type: "number", step: "any", "aria-label": `${name}, as a number`, "data-key": `${key} number`,
		});
		const show = (from) => {
			if (from !== range) range.value = option.to(get());
			if (from !== field) field.value = get();
			field.removeAttribute("aria-invalid");
			range.setAttribute("aria-valuetext", say(get()));
		};
		const take = (x, from) => {
			if (!option.ok(x)) return field.setAttribute("aria-invalid", "true");
			set(x);
			show(from);
			return changed();
		};
		on(range, "input", () => take(option.from(Number(range.value)), range));
		on(field, "input", () => take(parseFloat(field.value), field));
		on(field, "change", () => show());
		show();
		return Object.assign(box("pg-dial", make("label", { htmlFor: range.id }, name), range, field), { show });
	}

	const optionOf = (run, key) => run.options[key] ?? rules[run.rule].defaults[key];
	function setOption(run, key, x) {
		if (x === rules[run.rule].defaults[key]) delete run.options[key];
		else run.options[key] = x;
	}
	const dialOf = (key, of) => dial(key, OPTIONS[key], () => optionOf(of[0], key),
		(x) => of.forEach((run) => setOption(run, key, x)));

	function check(run, key) {
		const tick = make("input", { type: "checkbox", checked: optionOf(run, key), "data-key": key });
		on(tick, "change", () => {
			setOption(run, key, tick.checked);
			changed();
		});
		return make("label", { className: "pg-check" }, tick, OPTIONS[key].name);
	}

	function picker(key, options, value, set) {
		const select = make("select", { id: `${id}-${key}`, "data-key": key },
			...options.map(([one, words]) => make("option", { value: one, selected: one === value }, words)));
		on(select, "change", () => set(select.value));
		return box("pg-pick", make("label", { htmlFor: select.id }, key), select);
	}

	function button(key, words, act, properties = {}) {
		const one = make("button", { type: "button", "data-key": key, ...properties }, ...words);
		on(one, "click", act);
		return one;
	}

	/* What is built anew takes the focus with it; this gives it back. */
	function keepingFocus(build) {
		const key = root.contains(document.activeElement) ? document.activeElement.dataset.key : null;
		build();
		if (key && !root.contains(document.activeElement)) {
			const again = root.querySelector(`[data-key="${key}"]`);
			(again && !again.disabled ? again : choice.firstChild)?.focus({ preventScroll: true });
		}
	}

	function controls() {
		if (small) {
			settings.replaceChildren(
				...root.dataset.controls.split(" ").map((word) => {
					const [rule, key] = word.split(".");
					const of = state.runs.filter((run) => (rule === "*" || run.rule === rule) && key in rules[run.rule].defaults);
					return dialOf(key, of);
				}));
			return;
		}
		const run = state.runs[chosen];
		const usual = Object.entries(rules[run.rule].defaults);
		settings.replaceChildren(
			make("legend", {}, "The chosen run"),
			picker("rule", Object.entries(LINES).map(([key, [name]]) => [key, name]), run.rule, (rule) => {
				const { learning_rate } = run.options;
				state.runs[chosen] = { rule, options: learning_rate ? { learning_rate } : {} };
				rebuilt();
			}),
			...usual.filter(([, x]) => typeof x === "number").map(([key]) => dialOf(key, [run])),
			...usual.filter(([, x]) => typeof x === "boolean").map(([key]) => check(run, key)),
			button("remove", ["Remove this run"], () => {
				state.runs.splice(chosen, 1);
				chosen = Math.max(0, chosen - 1);
				rebuilt();
			}, { disabled: state.runs.length < 2 }),
		);
		const view = VIEWS[state.surface];
		world.replaceChildren(
			make("legend", {}, "Surface and start"),
			picker("surface", Object.entries(VIEWS).map(([key, { name }]) => [key, name]), state.surface, (name) => {
				state = { ...initial(name), runs: state.runs, steps: state.steps };
				rebuilt();
			}),
			...state.start.map((_, i) => {
				const [low, high] = i ? view.y : view.x;
				const name = `start ${state.start.length > 1 ? ["θ₁", "θ₂"][i] : "θ"}`;
				return dial(`start${i}`, plain(name, low, high, (high - low) / 400), () => state.start[i],
					(x) => { state.start[i] = Number(x.toPrecision(6)); });
			}),
			...Object.entries(WORLD).map(([key, option]) => dial(key, option, () => state[key], (x) => {
				state[key] = x;
				if (key === "steps") now = x;
			})),
		);
	}

	function listRuns(looks) {
		choice.replaceChildren(
			...state.runs.map((_, i) => button(`run${i}`, [swatch(looks[i]), names[i]], () => {
				chosen = i;
				rebuilt();
			}, { className: "pg-run", "aria-pressed": String(i === chosen) })),
			button("add", ["+ Add a run"], () => {
				const { rule, options } = state.runs[chosen];
				state.runs.push({ rule, options: { ...options } });
				chosen = state.runs.length - 1;
				rebuilt();
			}, { className: "pg-run", disabled: state.runs.length >= MAXIMUM }));
	}

	/* what is seen */

	function compute() {
		const { start, steps, noise, seed } = state;
		runs = state.runs.map(({ rule, options }) =>
			minimize(surfaces[state.surface], rule, options, { start, steps, noise, seed }));
		now = Math.min(now, steps);
	}

	function show() {
		const looks = styles(state.runs);
		names = state.runs.map((run) => label(run, state.runs));
		const surface = surfaces[state.surface];
		const flat = state.start.length === 1;
		map.setAttribute("aria-label", `${flat ? "Curve" : "Map"} of the surface ${VIEWS[state.surface].name}, and the walk of ${
			names.join("; ")}`);
		handle.setAttribute("aria-label", `Start at ${point(state.start)}. Arrow keys move it, with Shift further.`);
		drawMap(map, handle, state, runs, looks, now, chosen);
		if (small) {
			choice.replaceChildren(...names.map((name, i) => make("span", {}, swatch(looks[i]), name)));
			return;
		}

		root.classList.toggle("pg-flat", flat);
		const lowest = surface.value(surface.minimiser);
		const curves = (key, series, more) => drawCurves(charts[key], { series, steps: state.steps, now, ...more });
		const each = (values, first) => [...runs.keys()].sort((a, b) => (a === chosen) - (b === chosen))
			.map((i) => ({ values: values(runs[i]), first, look: looks[i] }));
		if (flat) curves("track", each((run) => run.theta.map(([x]) => x)), { yName: "θ" });
		curves("loss", each((run) => run.loss.map((f) => (f - lowest > 1e-12 ? f - lowest : 0))), { log: true });
		curves("length", each((run) => run.theta.slice(1).map((theta, k) =>
			Math.hypot(...theta.map((x, j) => x - run.theta[k][j]))), 1), { log: true });
		const series = Object.entries(memory(runs[chosen], state.runs[chosen])).flatMap(([name, rows], k) =>
			state.start.map((_, j) => ({
				name: flat ? name : `${name}, ${j ? "θ₂" : "θ₁"}`, first: 1, values: rows.map((row) => row[j]),
				look: { color: k ? "#D55E00" : "#0072B2", dash: j ? "4 3" : "" },
			})));
		curves("memory", series);
		charts["memory key"].replaceChildren(` of ${names[chosen]}`,
			...series.map((s) => make("span", {}, swatch(s.look), s.name)));

		slide.max = state.steps;
		slide.value = now;
		slide.setAttribute("aria-valuetext", `step ${now} of ${state.steps}`);
		told.textContent = `${now} of ${state.steps}`;
		keepingFocus(() => listRuns(looks));
		const here = format(state);
		const current = presets.find((preset) => preset.state === here);
		[...chips.children].forEach((chip, i) => chip.setAttribute("aria-pressed", String(presets[i] === current)));
		if (note.shown !== current) {
			note.shown = current;
			if (current) chips.scrollLeft = chips.children[presets.indexOf(current)].offsetLeft - chips.offsetLeft;
			note.replaceChildren(...(current ? [...current.entry.children].slice(1).map((child) => child.cloneNode(true)) : []));
		}
	}

	function speak() {
		status.textContent = [
			...(small ? [] : [`${state.steps} steps on the surface “${VIEWS[state.surface].name}” from ${point(state.start)}.`]),
			...runs.map((run, i) => sentence(run, small ? `After ${state.steps} steps ${names[i]}` : names[i])),
		].join(" ");
	}

	/* Words and address follow when the hand rests. */
	function changed() {
		stop();
		compute();
		show();
		clearTimeout(timer);
		timer = setTimeout(() => {
			speak();
			const hash = `#${format(state)}`;
			if (small) link.href = page + hash;
			else {
				try {
					history.replaceState(null, "", hash);
				} catch {
					// a browser may refuse this from the disk
				}
			}
		}, 300);
	}
	function rebuilt() {
		keepingFocus(controls);
		changed();
	}
	function load(text) {
		state = parse(text);
		chosen = 0;
		now = state.steps;
		rebuilt();
	}

	/* the start */
	function move(theta) {
		const view = VIEWS[state.surface];
		state.start = state.start.map((_, i) => {
			const [low, high] = i ? view.y : view.x;
			return Number(clip(theta[i], low, high).toPrecision(4));
		});
		for (const one of world.querySelectorAll(".pg-dial")) one.show();
		changed();
	}
	function pointed(event) {
		const at = map.getBoundingClientRect();
		const { x, y = [0, 0] } = VIEWS[state.surface];
		const part = (event.clientX - at.left - LEFT) / (at.width - LEFT - RIGHT);
		const up = (at.bottom - BOTTOM - event.clientY) / (at.height - TOP - BOTTOM);
		move([x[0] + part * (x[1] - x[0]), y[0] + up * (y[1] - y[0])]);
	}
	on(map, "click", pointed);
	on(handle, "pointerdown", (event) => {
		handle.setPointerCapture(event.pointerId);
		event.preventDefault();
		handle.focus({ preventScroll: true });
	});
	on(handle, "pointermove", (event) => {
		if (handle.hasPointerCapture(event.pointerId)) pointed(event);
	});
	on(handle, "keydown", (event) => {
		const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
		if (!by) return;
		event.preventDefault();
		const { x, y } = VIEWS[state.surface];
		const far = event.shiftKey ? 0.1 : 0.01;
		if (state.start.length === 1) by[0] += by[1];
		move(state.start.map((v, i) => v + far * by[i] * (i ? y[1] - y[0] : x[1] - x[0])));
	});

	/* the step */
	function stop() {
		cancelAnimationFrame(playing);
		playing = 0;
		play.textContent = "Play";
	}
	function begin() {
		const first = performance.now();
		const last = Math.max(...runs.map((run) => run.theta.length - 1));
		const seconds = Math.min(8, 2 + last / 40);
		const tick = (time) => {
			now = clip(Math.round(((time - first) / 1000 / seconds) * last), 0, last);
			show();
			if (now < last) playing = requestAnimationFrame(tick);
			else stop();
		};
		play.textContent = "Stop";
		playing = requestAnimationFrame(tick);
	}
	on(play, "click", () => (playing ? stop() : begin()));
	on(slide, "input", () => {
		stop();
		now = Number(slide.value);
		show();
	});
	play.hidden = matchMedia("(prefers-reduced-motion: reduce)").matches; // then the step is moved by hand

	/* the link */
	on(copy, "click", async () => {
		const text = `${location.href.split("#")[0]}#${format(state)}`;
		try {
			await navigator.clipboard.writeText(text);
			status.textContent = "The link is copied.";
		} catch {
			prompt("The link:", text);
		}
	});

	if (small) {
		link.href = `${page}#${home}`;
		root.replaceChildren(box("pg-title", make("strong", {}, "Try it. "), root.dataset.text),
			mapBox, choice, settings, status, box("pg-more", link));
	} else {
		chips.append(...presets.map((preset, i) => button(`preset${i}`, [preset.title], () => load(preset.state),
			{ className: "pg-chip" })));
		root.replaceChildren(chips, note,
			box("pg-main", box("pg-left", mapBox,
					box("pg-time", play, make("label", { htmlFor: slide.id }, "step"), slide, told),
					chart("track", "The parameter θ"), chart("loss", "Loss above its minimum")),
				box("pg-right", choice, settings, world)),
			box("pg-charts", chart("length", "Length of a step"), chart("memory", "Memory")),
			status, box("pg-more", copy));
		on(window, "hashchange", () => {
			if (!named()) return;
			load(location.hash);
			root.scrollIntoView();
		});
	}
	compute();
	controls();
	show();
	speak();
	let width = root.clientWidth;
	new ResizeObserver(() => {
		if (width !== (width = root.clientWidth)) show();
	}).observe(root);
}

document.querySelectorAll("div.playground").forEach(playground); // the script is deferred: the page is there

return { parse, format, label, styles, LINES, RATES };
})();
