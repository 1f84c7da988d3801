namespace CudaNet.Reporting;

/// <summary>The look of every page, by day and by night.</summary>
internal static class ReportStyle
{
    public const string Css = """
        :root {
            --page: #f6f7f9; --card: #ffffff; --edge: #e1e4ea; --ink: #16181d; --quiet: #5b6270; --grid: #e9ebf0;
            --right: #2563c9; --wrong: #d9480f;
            --line-1: #2563c9; --line-2: #d9480f; --line-3: #0f8a6c; --line-4: #7c3aed;
            --line-5: #b8860b; --line-6: #c2255c; --line-7: #0c8599; --line-8: #5c6370;
        }
        @media (prefers-color-scheme: dark) {
            :root {
                --page: #101217; --card: #181b22; --edge: #2a2f3a; --ink: #e9ebf0; --quiet: #9aa2b1; --grid: #262b35;
                --right: #4d8df0; --wrong: #f0733a;
                --line-1: #5b9bff; --line-2: #ff8a4c; --line-3: #35c39b; --line-4: #a78bfa;
                --line-5: #e0b341; --line-6: #f06595; --line-7: #3bc9db; --line-8: #9aa2b1;
            }
        }
        * { box-sizing: border-box; }
        body {
            margin: 0; background: var(--page); color: var(--ink);
            font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
        }
        main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 64px; }
        h1 { font-size: 28px; line-height: 1.2; font-weight: 650; letter-spacing: -.01em; margin: 0; overflow-wrap: anywhere; }
        h2 { font-size: 18px; font-weight: 600; margin: 0 0 4px; }
        .lead { color: var(--quiet); margin: 4px 0 0; max-width: 120ch; overflow-wrap: anywhere; }
        .note { color: var(--quiet); margin: 8px 0; overflow-wrap: anywhere; }
        section { margin-top: 40px; }
        section > .body, section > .charts { margin-top: 14px; }
        .body > * { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: 18px 20px; }
        .body > * + * { margin-top: 16px; }

        .numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 12px; margin-top: 26px; }
        .numbers > div { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: 12px 16px; }
        .numbers span { display: block; color: var(--quiet); font-size: 13px; }
        .numbers strong { font-size: 22px; font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
        .numbers > div:first-child strong { color: var(--right); }

        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 16px; }
        .chart { margin: 0; background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: 14px 16px 8px; }
        .chart figcaption { display: flex; flex-wrap: wrap; gap: 2px 16px; justify-content: space-between; margin-bottom: 8px; }
        .chart figcaption strong { font-weight: 600; }
        .legend { display: flex; flex-wrap: wrap; gap: 2px 16px; color: var(--quiet); font-size: 13px; }
        .legend span { display: inline-flex; align-items: center; gap: 6px; }
        .legend i { width: 14px; height: 3px; border-radius: 2px; }
        .legend b { color: var(--ink); font-weight: 600; font-variant-numeric: tabular-nums; }
        .chart svg { display: block; width: 100%; height: auto; overflow: visible; }
        .chart .grid { stroke: var(--grid); }
        .chart .axis { stroke: var(--quiet); stroke-opacity: .6; }
        .chart .tick { fill: var(--quiet); font-size: 12px; font-variant-numeric: tabular-nums; }
        .chart .tick.y { text-anchor: end; dominant-baseline: central; }
        .chart .tick.x { text-anchor: middle; }
        .chart polyline { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
        .chart circle { stroke: var(--card); stroke-width: 2; }
        .at rect { fill: transparent; }
        .at line { stroke: var(--quiet); stroke-dasharray: 2 3; }
        .at line, .at circle { opacity: 0; pointer-events: none; }
        .at:hover line, .at:hover circle { opacity: 1; }

        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        .pairs, .rows { width: 100%; }
        .pairs th, .rows th, .pairs td, .rows td { text-align: left; padding: 6px 12px 6px 0; vertical-align: top; }
        .pairs tr + tr > *, .rows tbody tr > * { border-top: 1px solid var(--grid); }
        .pairs th { width: 30%; color: var(--quiet); font-weight: 400; }
        .pairs td { overflow-wrap: anywhere; }
        .rows thead th { color: var(--quiet); font-weight: 500; font-size: 13px; }
        .rows tbody th { font-weight: 500; }

        .confusion { margin: 0 auto; border-spacing: 2px; border-collapse: separate; }
        .confusion caption { color: var(--quiet); font-size: 13px; padding-bottom: 10px; }
        .confusion th { color: var(--quiet); font-weight: 500; padding: 0 8px; }
        .confusion tbody td { min-width: 52px; height: 38px; text-align: center; border-radius: 5px; background: var(--page); }
        .confusion td.none { color: var(--quiet); opacity: .55; }
        .confusion td.right { background: color-mix(in srgb, var(--right) var(--tint), var(--card)); }
        .confusion td.wrong { background: color-mix(in srgb, var(--wrong) var(--tint), var(--card)); }
        .confusion td.strong { color: #fff; }
        .confusion td.recall { background: none; color: var(--quiet); padding-left: 10px; text-align: right; }

        .pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(var(--cell), 1fr)); gap: 14px 8px; }
        .pictures figure { margin: 0; text-align: center; }
        .pictures img { display: block; margin: 0 auto; image-rendering: pixelated; border-radius: 4px; }
        .pictures figcaption { font-size: 12px; color: var(--quiet); margin-top: 4px; white-space: nowrap; font-variant-numeric: tabular-nums; }

        @media print { body { background: none; } section, .chart, .body > * { break-inside: avoid; } }

        """;
}
