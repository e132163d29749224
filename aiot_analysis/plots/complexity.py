"""Model complexity against latency (Remark 4)."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from aiot_analysis import names
from aiot_analysis.plots import style


@style.styled
def scatter(frame: pd.DataFrame, origin: str, correlation: pd.DataFrame | None = None) -> Figure:
    """Latency over multiply-accumulates on two logarithmic axes, a point per device x model x implementation.

    Takes the frames of `stats.complexity.complexity` and, for the correlations, `rank_correlation`.
    """
    figure, (axes,) = style.panels(1, 1, 6.4, 4.0)
    known = frame.dropna(subset=["macs_millions", "latency_ms"])
    devices = known["device_id"].nunique()
    if known.empty:
        style.empty(axes, "no data: no model of known complexity was measured")
        return style.finish(figure, origin, "Latency over model complexity: no data.")
    handles: dict[str, object] = {}
    said = []
    aside = 1.0 if devices == 1 else 1.04  # many devices: implementations beside one another
    implementations = names.in_order(set(known["implementation"]), names.IMPLEMENTATIONS)
    for number, one in enumerate(implementations):
        part = known[known["implementation"] == one]
        look = style.look(one)
        label = names.display(one) + _rho(correlation, one)
        said.append(f"{label} {style.span(part['latency_ms'], '{:.3g}')} ms")
        handles[label] = axes.scatter(
            part["macs_millions"] * aside ** (number - (len(implementations) - 1) / 2),
            part["latency_ms"],
            marker=look.marker,
            color=look.color,
            s=26 if devices == 1 else 12,
            alpha=0.9 if devices == 1 else 0.5,
        )
    axes.set(xscale="log", yscale="log", xlabel="multiply-accumulates (millions, Table II)", ylabel="mean latency (ms)")
    low, high = known["macs_millions"].min(), known["macs_millions"].max()
    axes.set_xlim(low / 1.4, high * 1.4)
    labels: dict[float, list[str]] = {}
    for model, macs in (
        known.drop_duplicates("model").sort_values("macs_millions")[["model", "macs_millions"]].to_numpy()
    ):
        axes.axvline(macs, color="#cccccc", linewidth=0.6, linestyle=":", zorder=0)
        # MobileNetV2 and MnasNet are 5 % apart: one label, or the words cover each other
        near = next((at for at in labels if macs / at < 1.1), float(macs))
        labels.setdefault(near, []).append(names.display(model))
    for macs, some in labels.items():
        text = ", ".join(some)
        axes.text(macs, 1.01, text, transform=axes.get_xaxis_transform(), fontsize=6.5, rotation=25, va="bottom")
    style.plain_log(axes.xaxis)
    style.plain_log(axes.yaxis)
    absent = [names.display(one) for one in names.IMPLEMENTATIONS if one not in set(known["implementation"])]
    if absent:
        style.note(axes, f"no data: {style.listed(absent)}", 100)
    style.legend(figure, handles)
    return style.finish(
        figure,
        origin,
        f"Mean latency over model complexity on {devices} device{'s' * (devices != 1)}: {'; '.join(said)}.",
    )


def _rho(correlation: pd.DataFrame | None, implementation: str) -> str:
    """The rank correlation for the legend, or its range over the devices."""
    if correlation is None:
        return ""
    some = correlation[correlation["implementation"] == implementation].dropna(subset=["rho"])
    return "" if some.empty else f" (ρ {style.span(some['rho'], '{:.2f}')}, {style.span(some['models'], '{}')} models)"
