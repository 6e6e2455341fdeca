// The charts, by Apache ECharts: loaded after the numbers are there. On a canvas, tooltips included, so that nothing
// needs inline styles (Content-Security-Policy).
import { BarChart, LineChart } from 'echarts/charts';
import { AriaComponent, GridComponent, TooltipComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';

use([BarChart, LineChart, GridComponent, TooltipComponent, AriaComponent, CanvasRenderer]);

export interface ChartSeries { name: string; values: (number | null)[]; shape: 'bar' | 'line'; colour: 'main' | 'second' | 'quiet' | 'warm' }

export interface ChartData {
  label: string;        // what a screen reader says first
  moments: string[];    // on the axis
  series: ChartSeries[];
  value: (n: number) => string;
  axis: (n: number) => string;
}

export interface Chart { show: (data: ChartData) => void; destroy: () => void }

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function chart(element: HTMLElement): Chart {
  const echart = init(element, undefined, { renderer: 'canvas' });
  const resized = new ResizeObserver(() => echart.resize());
  resized.observe(element);

  function show(data: ChartData): void {
    const ink = colour('--ink-soft'), line = colour('--line'), surface = colour('--surface');
    const colours = { main: colour('--blue'), second: colour('--green'), quiet: colour('--quiet'), warm: colour('--warm') };
    const few = element.clientWidth < 520;
    echart.setOption({
      animation: false,
      aria: { enabled: true, label: { description: data.label } },
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 4, right: 8, top: 16, bottom: 4, containLabel: true },
      tooltip: {
        trigger: 'axis', renderMode: 'richText', confine: true, transitionDuration: 0, backgroundColor: surface, borderColor: line,
        textStyle: { color: colour('--ink'), fontSize: 13 }, axisPointer: { type: 'shadow', shadowStyle: { opacity: 0.06 } },
        valueFormatter: (n: unknown) => (typeof n === 'number' ? data.value(n) : '-'),
      },
      xAxis: {
        type: 'category', data: data.moments, axisTick: { show: false }, axisLine: { lineStyle: { color: line } },
        axisLabel: { color: ink, fontSize: 12, hideOverlap: true, interval: few ? Math.ceil(data.moments.length / 5) - 1 : 'auto' },
      },
      yAxis: {
        type: 'value', min: 0, minInterval: 1, splitNumber: 3, axisLabel: { color: ink, fontSize: 12, formatter: data.axis },
        splitLine: { lineStyle: { color: line } },
      },
      series: data.series.map((s) => s.shape === 'bar'
        ? { type: 'bar', name: s.name, data: s.values, itemStyle: { color: colours[s.colour], borderRadius: [2, 2, 0, 0] },
            barMaxWidth: 28, barCategoryGap: '28%', z: 2 }
        : { type: 'line', name: s.name, data: s.values, showSymbol: false, step: 'middle', z: 3,
            lineStyle: { color: colours[s.colour], width: 1.5, type: [4, 3] }, itemStyle: { color: colours[s.colour] } }),
    }, { replaceMerge: ['series'] });
  }

  return {
    show,
    destroy: () => {
      resized.disconnect();
      echart.dispose();
    },
  };
}
