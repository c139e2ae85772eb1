// Draws every [data-chart] with ECharts from the JSON beside it. The table twin and the CSV stay the truth.
(() => {
  "use strict";
  if (window.terraceCharts || !window.echarts) return;
  window.terraceCharts = true;

  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const palette = [colour("--t-water"), colour("--t-leaf"), colour("--t-cinnabar"), "#6f9cb6", "#8fb592", "#133f5c"];
  const ink = colour("--t-ink-2");
  const line = colour("--t-line");

  // Times are shown on the wall clock of Shanghai wherever the reader sits: shifted by its offset, drawn as UTC.
  const SHANGHAI_OFFSET_MS = 8 * 3600 * 1000;
  const place = (spec, x) => ((spec.x || "time") === "time" ? Date.parse(x) + SHANGHAI_OFFSET_MS : x);

  const TIME_LABELS = {
    year: "{yyyy}",
    month: "{yyyy}-{MM}",
    day: "{MM}-{dd}",
    hour: "{HH}:{mm}",
    minute: "{HH}:{mm}",
    second: "{HH}:{mm}:{ss}",
    millisecond: "{HH}:{mm}:{ss}.{SSS}",
    none: "{HH}:{mm}:{ss}.{SSS}",
  };
  const axis = (kind, name) => ({
    type: kind,
    name: name || "",
    nameTextStyle: { color: ink, align: "left" },
    axisLine: { lineStyle: { color: line } },
    axisLabel: { color: ink, hideOverlap: true, formatter: kind === "time" ? TIME_LABELS : undefined },
    splitLine: { lineStyle: { color: line, type: "dashed" } },
    splitNumber: 4,
  });

  // spec.lines: [{at, name}], upright lines across the picture (the end of a period, the quantity on offer)
  const uprights = (spec) =>
    spec.lines && spec.lines.length
      ? {
          silent: true,
          symbol: "none",
          lineStyle: { color: ink, type: "dashed", width: 1 },
          label: { color: ink, formatter: "{b}", position: "insideEndTop", fontSize: 11 },
          data: spec.lines.map((l, n) => ({
            name: l.name,
            xAxis: place(spec, l.at),
            label: { position: n % 2 ? "insideStartTop" : "insideEndTop" },
          })),
        }
      : undefined;

  // A flow: spec.nodes [{name}], spec.links [{from, to, amount}]. On narrow screens it runs from top to bottom.
  const flow = (spec, narrow) => {
    const gives = new Set(spec.links.map((l) => l.from));
    const words = (n) => `${Number(n).toLocaleString(undefined, { minimumFractionDigits: 3, maximumFractionDigits: 6 })} ${spec.unit || ""}`;
    return {
      color: palette,
      animation: false,
      textStyle: { fontFamily: colour("--t-sans") },
      tooltip: {
        renderMode: "richText",
        formatter: (p) => (p.dataType === "edge" ? `${p.data.source} → ${p.data.target}  ${words(p.value)}` : `${p.name}  ${words(p.value)}`),
      },
      series: [
        {
          type: "sankey",
          orient: narrow ? "vertical" : "horizontal",
          left: narrow ? 28 : 4,
          right: narrow ? 28 : 4,
          top: narrow ? 28 : 8,
          bottom: narrow ? 28 : 8,
          nodeWidth: 18,
          nodeGap: narrow ? 42 : 26,
          draggable: false,
          emphasis: { focus: "adjacency" },
          lineStyle: { color: "gradient", opacity: 0.35 },
          data: spec.nodes.map((n) => ({
            name: n.name,
            label: {
              color: colour("--t-ink"),
              fontSize: narrow ? 11 : 13,
              position: narrow ? (gives.has(n.name) ? "top" : "bottom") : gives.has(n.name) ? "right" : "left",
              formatter: (p) => (narrow ? `${p.name}\n${words(p.value)}` : `${p.name}  ${words(p.value)}`),
            },
          })),
          links: spec.links.map((l) => ({ source: l.from, target: l.to, value: l.amount })),
        },
      ],
    };
  };

  // spec.series: [{name, kind: line|step|stair|dots|marks|bars|area, points: [[x, y, words?]]}], spec.x: time|value|category
  const option = (spec) => ({
    color: palette,
    useUTC: true,
    animation: !window.matchMedia("(prefers-reduced-motion: reduce)").matches,
    textStyle: { fontFamily: colour("--t-sans") },
    grid: { left: 8, right: 16, top: 44, bottom: spec.x_unit ? 30 : 8, containLabel: true },
    legend: spec.series.length > 1 ? { type: "scroll", top: 0, left: 96, right: 0, textStyle: { color: ink } } : undefined,
    tooltip: {
      trigger: spec.series.some((s) => s.kind === "bars") ? "axis" : "item",
      renderMode: "richText",
      valueFormatter: (value) => `${Number(value).toLocaleString()} ${spec.unit || ""}`,
    },
    xAxis: {
      ...axis(spec.x || "time", spec.x_unit),
      min: spec.x_from === undefined ? undefined : place(spec, spec.x_from),
      max: spec.x_until === undefined ? undefined : place(spec, spec.x_until),
      nameLocation: "middle", nameGap: 28, scale: true, splitLine: { show: false },
      data: spec.categories,
    },
    yAxis: { ...axis("value", spec.unit), scale: !spec.from_zero },
    series: spec.series.map((series, place_in_row) => ({
      name: series.name,
      markLine: place_in_row === 0 ? uprights(spec) : undefined,
      type: series.kind === "bars" ? "bar" : series.kind === "dots" || series.kind === "marks" ? "scatter" : "line",
      step: series.kind === "step" ? "end" : series.kind === "stair" ? "start" : undefined,
      areaStyle: series.kind === "area" || series.kind === "stair" ? { opacity: 0.15 } : undefined,
      stack: series.stack,
      symbol: series.kind === "marks" ? "diamond" : "circle",
      itemStyle: series.quiet ? { color: ink } : series.kind === "marks" ? { color: "transparent", borderColor: ink, borderWidth: 2 } : undefined,
      symbolSize: series.kind === "dots" ? 11 : series.kind === "marks" ? 13 : 6,
      lineStyle: series.quiet ? { color: ink, width: 1.5 } : undefined,
      showSymbol: !series.quiet,
      barMaxWidth: 44,
      data: series.points.map((p) => (spec.x === "category" ? p : { value: [place(spec, p[0]), p[1]], name: p[2] || "" })),
    })),
  });

  for (const figure of document.querySelectorAll("[data-chart]")) {
    const canvas = figure.querySelector(".t-chart__canvas");
    const spec = JSON.parse(figure.querySelector("[data-chart-spec]").textContent);
    if (spec.links ? !spec.links.length : !spec.series || !spec.series.some((s) => s.points.length)) {
      canvas.hidden = true;
      continue;
    }
    const chart = window.echarts.init(canvas, null, { renderer: "canvas" });
    const draw = () => chart.setOption(spec.links ? flow(spec, canvas.clientWidth < 560) : option(spec), { notMerge: true });
    draw();
    new ResizeObserver(() => {
      chart.resize();
      if (spec.links) draw();
    }).observe(canvas);
  }
})();
