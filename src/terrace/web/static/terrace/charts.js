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

  // spec.series: [{name, kind: line|step|dots|marks|bars|area, points: [[x, y, words?]]}], spec.x: time|value|category
  const option = (spec) => ({
    color: palette,
    useUTC: true,
    animation: !window.matchMedia("(prefers-reduced-motion: reduce)").matches,
    textStyle: { fontFamily: colour("--t-sans") },
    grid: { left: 8, right: 16, top: 44, bottom: 8, containLabel: true },
    legend: spec.series.length > 1 ? { top: 0, right: 0, textStyle: { color: ink } } : undefined,
    tooltip: {
      trigger: spec.series.some((s) => s.kind === "bars") ? "axis" : "item",
      renderMode: "richText",
      valueFormatter: (value) => `${Number(value).toLocaleString()} ${spec.unit || ""}`,
    },
    xAxis: { ...axis(spec.x || "time"), splitLine: { show: false }, data: spec.categories },
    yAxis: { ...axis("value", spec.unit), scale: !spec.from_zero },
    series: spec.series.map((series) => ({
      name: series.name,
      type: series.kind === "bars" ? "bar" : series.kind === "dots" || series.kind === "marks" ? "scatter" : "line",
      step: series.kind === "step" ? "end" : undefined,
      areaStyle: series.kind === "area" ? { opacity: 0.15 } : undefined,
      stack: series.stack,
      symbol: series.kind === "marks" ? "diamond" : "circle",
      itemStyle: series.kind === "marks" ? { color: "transparent", borderColor: ink, borderWidth: 2 } : undefined,
      symbolSize: series.kind === "dots" ? 11 : series.kind === "marks" ? 13 : 6,
      barMaxWidth: 44,
      data: series.points.map((p) => (spec.x === "category" ? p : { value: [place(spec, p[0]), p[1]], name: p[2] || "" })),
    })),
  });

  for (const figure of document.querySelectorAll("[data-chart]")) {
    const canvas = figure.querySelector(".t-chart__canvas");
    const spec = JSON.parse(figure.querySelector("[data-chart-spec]").textContent);
    if (!spec.series || !spec.series.some((s) => s.points.length)) {
      canvas.hidden = true;
      continue;
    }
    const chart = window.echarts.init(canvas, null, { renderer: "canvas" });
    chart.setOption(option(spec));
    new ResizeObserver(() => chart.resize()).observe(canvas);
  }
})();
