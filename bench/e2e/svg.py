"""Plots as SVG: lines with points over two axes, each linear or logarithmic."""

import html
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 420, 74, 150, 40, 52
COLOURS = ("#c8442c", "#2c6fc8", "#3a9a50", "#8d5fc4", "#b08a1e", "#4a4a4a")


def ticks(low, high, log):
    if log:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        steps = (1, 2, 5) if last - first <= 3 else (1,)
        return [m * 10 ** e for e in range(first, last + 1) for m in steps
                if low * 0.999 <= m * 10 ** e <= high * 1.001]
    span = (high - low) or 1
    step = 10 ** math.floor(math.log10(span / 4))
    step *= next(m for m in (1, 2, 5, 10) if span / (step * m) <= 6)
    start = math.ceil(low / step) * step
    return [start + i * step for i in range(int((high - start) / step + 1e-9) + 1)]


def number(value):
    if value >= 1_000_000:
        return f"{value / 1_000_000:g}M"
    return f"{value / 1000:g}k" if value >= 10_000 else f"{value:g}"


class Axis:
    def __init__(self, values, log, start, end):
        values = [v for v in values if not log or v > 0] or [1]
        self.low, self.high = min(values), max(values)
        if not log:
            self.low = min(self.low, 0)
        if self.high == self.low:
            self.high = self.low + 1 if not log else self.low * 10
        self.log, self.start, self.end = log, start, end
        self.ticks = ticks(self.low, self.high, log)

    def at(self, value):
        if self.log:
            value = max(value, self.low)
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def plot(title, x_label, y_label, series, x_log=False, y_log=False, x_names=None):
    """`series`: {name: [(x, y), ...]}. `x_names`: {x: text} in place of numbers. The SVG's text."""
    points = [p for line in series.values() for p in line]
    x = Axis([p[0] for p in points], x_log, LEFT, WIDTH - RIGHT)
    y = Axis([p[1] for p in points], y_log, HEIGHT - BOTTOM, TOP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           f'<text x="{LEFT}" y="22" font-size="15">{html.escape(title)}</text>']
    for value in y.ticks:
        out.append(f'<path d="M{LEFT} {y.at(value):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
                   f'<text x="{LEFT - 8}" y="{y.at(value) + 4:.1f}" text-anchor="end">'
                   f'{number(value)}</text>')
    for value in (x_names or x.ticks):
        text = html.escape((x_names or {}).get(value, "") or number(value))
        out.append(f'<path d="M{x.at(value):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#eee"/>'
                   f'<text x="{x.at(value):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
                   f'{text}</text>')
    out.append(f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none" '
               'stroke="#444"/>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">'
               f'{html.escape(x_label)}</text>')
    out.append(f'<text transform="translate(16 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">'
               f'{html.escape(y_label)}</text>')
    for index, (name, line) in enumerate(series.items()):
        colour = COLOURS[index % len(COLOURS)]
        path = " ".join(f"{x.at(px):.1f},{y.at(py):.1f}" for px, py in line)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x.at(px):.1f}" cy="{y.at(py):.1f}" r="2.5" fill="{colour}"/>'
                for px, py in line]
        top = TOP + 10 + 20 * index
        out.append(f'<path d="M{WIDTH - RIGHT + 12} {top}h22" stroke="{colour}" stroke-width="3"/>'
                   f'<text x="{WIDTH - RIGHT + 40}" y="{top + 4}">{html.escape(name)}</text>')
    return "\n".join(out + ["</svg>", ""])
