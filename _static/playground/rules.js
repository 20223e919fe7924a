/* Update rules and surfaces like those of labkit: the same names, the same defaults, epsilon in the same place.
   tests/test_playground.py compares each of them with labkit, step by step. A rule has two pure functions,
   init(theta, options) -> state and update(grad, state, theta, options) -> [theta, state]. */
"use strict";

globalThis.BookRules = (() => {
const each = (f, first, ...rest) =>
	first.map((x, i) => f(x, ...rest.map((a) => a[i])));
const full = (theta, x) => theta.map(() => x);
const clip = (x, low, high) => Math.min(Math.max(x, low), high);
const mix = (kept, old, fresh) => each((a, b) => kept * a + (1 - kept) * b, old, fresh);
const squared = (x) => each((a) => a * a, x);

const GradientDescent = {
	defaults: { learning_rate: 0.01 },
	init: () => ({ count: 0 }),
	update: (grad, state, theta, o) => [
		each((x, g) => x - o.learning_rate * g, theta, grad),
		{ count: state.count + 1 },
	],
};

const Momentum = {
	defaults: { learning_rate: 0.01, momentum: 0.9, rate_inside: true },
	init: (theta) => ({ count: 0, velocity: full(theta, 0) }),
	update(grad, state, theta, o) {
		const a = o.learning_rate;
		const velocity = o.rate_inside
			? each((v, g) => o.momentum * v - a * g, state.velocity, grad)
			: each((v, g) => o.momentum * v + g, state.velocity, grad);
		const next = each((x, v) => (o.rate_inside ? x + v : x - a * v), theta, velocity);
		return [next, { count: state.count + 1, velocity }];
	},
};

const Nesterov = {
	...Momentum,
	update(grad, state, theta, o) {
		const a = o.learning_rate;
		const [, next] = Momentum.update(grad, state, theta, o);
		const ahead = o.rate_inside
			? each((x, v, g) => x + o.momentum * v - a * g, theta, next.velocity, grad)
			: each((x, v, g) => x - a * (g + o.momentum * v), theta, next.velocity, grad);
		return [ahead, next];
	},
};

const Adagrad = {
	defaults: { learning_rate: 0.001, initial_accumulator_value: 0.1, epsilon: 1e-7, epsilon_inside: true },
	init: (theta, o) => ({ count: 0, total: full(theta, o.initial_accumulator_value) }),
	update(grad, state, theta, o) {
		const total = each((s, g) => s + g * g, state.total, grad);
		const root = each((s) => rootOf(s, o), total);
		const next = each((x, g, r) => x - (o.learning_rate * g) / r, theta, grad, root);
		return [next, { count: state.count + 1, total }];
	},
};

const rootOf = (s, o) => (o.epsilon_inside ? Math.sqrt(s + o.epsilon) : Math.sqrt(s) + o.epsilon);

/* `square: false` is wrong on purpose, and not in labkit: the divisor is the running mean of the gradients. */
const RMSprop = {
	defaults: {
		learning_rate: 0.001, rho: 0.9, momentum: 0, epsilon: 1e-7,
		centered: false, epsilon_inside: true, rate_inside: true, square: true,
	},
	init: (theta) => ({ count: 0, square: full(theta, 0), mean: full(theta, 0), velocity: full(theta, 0) }),
	update(grad, state, theta, o) {
		const a = o.learning_rate;
		const square = mix(o.rho, state.square, squared(grad));
		const mean = o.centered || !o.square ? mix(o.rho, state.mean, grad) : state.mean;
		const spread = o.centered ? each((s, m) => Math.max(s - m * m, 0), square, mean) : square;
		const root = o.square ? each((s) => rootOf(s, o), spread) : mean;
		const velocity = o.rate_inside
			? each((u, g, r) => o.momentum * u + (a * g) / r, state.velocity, grad, root)
			: each((u, g, r) => o.momentum * u + g / r, state.velocity, grad, root);
		const next = each((x, u) => (o.rate_inside ? x - u : x - a * u), theta, velocity);
		return [next, { count: state.count + 1, square, mean, velocity }];
	},
};

/* What update t, counted from 1, takes away from theta, given the two running means. */
function adamStep(t, m, v, o) {
	const a = o.learning_rate;
	const [c1, c2] = o.bias_correction ? [1 - o.beta_1 ** t, 1 - o.beta_2 ** t] : [1, 1];
	return o.epsilon_hat
		? each((x, s) => (a * (Math.sqrt(c2) / c1) * x) / (Math.sqrt(s) + o.epsilon), m, v)
		: each((x, s) => ((a / c1) * x) / (Math.sqrt(s / c2) + o.epsilon), m, v);
}

const Adam = {
	defaults: {
		learning_rate: 0.001, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, epsilon_hat: false, bias_correction: true,
	},
	init: (theta) => ({ count: 0, m: full(theta, 0), v: full(theta, 0) }),
	update(grad, state, theta, o) {
		const count = state.count + 1;
		const m = mix(o.beta_1, state.m, grad);
		const v = mix(o.beta_2, state.v, squared(grad));
		return [each((x, d) => x - d, theta, adamStep(count, m, v, o)), { count, m, v }];
	},
};

const AMSGrad = {
	defaults: Adam.defaults,
	init: (theta) => ({ ...Adam.init(theta), v_max: full(theta, 0) }),
	update(grad, state, theta, o) {
		const [, next] = Adam.update(grad, state, theta, o);
		const v_max = each((a, b) => Math.max(a, b), state.v_max, next.v);
		return [each((x, d) => x - d, theta, adamStep(next.count, next.m, v_max, o)), { ...next, v_max }];
	},
};

const AdamW = {
	defaults: { ...Adam.defaults, weight_decay: 0.004 },
	init: Adam.init,
	update(grad, state, theta, o) {
		const [after, next] = Adam.update(grad, state, theta, o);
		return [each((x, old) => x - o.learning_rate * o.weight_decay * old, after, theta), next];
	},
};

const rules = { GradientDescent, Momentum, Nesterov, Adagrad, RMSprop, Adam, AMSGrad, AdamW };

const quadratic = (hessian, start) => ({
	value: (theta) => hessian.reduce((sum, h, i) => sum + h * theta[i] * theta[i], 0) / 2,
	gradient: (theta) => each((x, h) => x * h, theta, hessian),
	start, minimiser: full(start, 0), L: Math.max(...hessian),
});

/* Newton's method on the slope. */
const leftWell = (tilt, x = -1) => {
	for (let k = 0; k < 20; k++) x -= (x * x * x - x + tilt) / (3 * x * x - 1);
	return x;
};

/* The gradient may depend on the step t = 0, 1, 2, ...; a `box` is where theta is cut off after each step. */
const surfaces = {
	ravine: quadratic([1, 20], [-9, 1.5]),
	rosenbrock: {
		value: ([x, y]) => (1 - x) ** 2 + 100 * (y - x * x) ** 2,
		gradient: ([x, y]) => [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)],
		start: [-1.2, 1], minimiser: [1, 1],
	},
	double_well: {
		value: ([x]) => x ** 4 / 4 - x ** 2 / 2 + 0.1 * x,
		gradient: ([x]) => [x * x * x - x + 0.1],
		start: [1.5], minimiser: [leftWell(0.1)],
	},
	saddle: {
		value: ([x, y]) => x ** 2 - y ** 2 + y ** 4,
		gradient: ([x, y]) => [2 * x, 4 * y * y * y - 2 * y],
		start: [1, 0], minimiser: [0, Math.SQRT1_2],
	},
	noisy_quadratic: { ...quadratic([1, 1], [-4, 3]), noise: 2 },
	/* Reddi, Kale and Kumar (2018), Theorem 1, with C = 4: the gradient is 4 in every third step, else -1. */
	rare_gradients: {
		value: ([x]) => (2 / 3) * x,
		gradient: (theta, t) => [t % 3 === 0 ? 4 : -1],
		start: [0], minimiser: [-1], box: [-1, 1],
	},
};

/* Uniform numbers in [0, 1): Tommy Ettinger's mulberry32. */
function uniforms(seed) {
	let a = seed >>> 0;
	return () => {
		a = (a + 0x6d2b79f5) | 0;
		let t = Math.imul(a ^ (a >>> 15), a | 1);
		t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	};
}

/* `steps` rows of `d` standard normal numbers, by Box and Muller; one row for each step, the same for all rules. */
function normals(seed, steps, d) {
	const next = uniforms(seed);
	const one = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
	return Array.from({ length: steps }, () => Array.from({ length: d }, one));
}

/* Points, losses, gradients and states of a walk. One that leaves the finite numbers ends there. */
function minimize(surface, name, options = {}, { start, steps = 100, noise = 0, seed = 0 } = {}) {
	const rule = rules[name];
	const o = { ...rule.defaults, ...options };
	let theta = start || surface.start;
	let state = rule.init(theta, o);
	const draws = noise ? normals(seed, steps, theta.length) : null;
	const run = { theta: [theta], loss: [surface.value(theta)], grad: [], state: [state], diverged_at: null };
	for (let t = 0; t < steps; t++) {
		let grad = surface.gradient(theta, t);
		if (draws) grad = each((g, z) => g + noise * z, grad, draws[t]);
		[theta, state] = rule.update(grad, state, theta, o);
		if (surface.box) theta = each((x) => clip(x, ...surface.box), theta);
		const loss = surface.value(theta);
		if (![...theta, loss].every(Number.isFinite)) {
			run.diverged_at = t + 1;
			break;
		}
		run.theta.push(theta);
		run.loss.push(loss);
		run.grad.push(grad);
		run.state.push(state);
	}
	return run;
}

return { rules, surfaces, uniforms, normals, minimize, clip };
})();
