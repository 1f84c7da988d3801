using System.Globalization;

namespace CudaNet.Data;

/// <summary>How each digit is written: two or three styles, each a few pen strokes in the unit square, y downwards.</summary>
internal static class DigitGlyphs
{
    /// <summary>One pen stroke through control points.</summary>
    /// <param name="Smooth">A Catmull–Rom curve through the points; otherwise straight lines between them.</param>
    /// <param name="X">Abscissae, 0 left to 1 right.</param>
    /// <param name="Y">Ordinates, 0 top to 1 bottom.</param>
    internal sealed record Stroke(bool Smooth, double[] X, double[] Y);

    /// <summary>The most control points that any style has; sizes the drawing's buffers.</summary>
    internal const int MaxPoints = 24;

    // S: smooth, L: straight lines; strokes are separated by '|'.
    private static readonly string[][] Sources =
    [
        [ // 0
            "S .5,0 .15,.2 .05,.55 .25,.92 .55,1 .88,.78 .95,.4 .78,.08 .5,0",
            "S .7,.05 .35,.08 .1,.5 .15,.9 .45,1 .8,.7 .9,.25 .65,.02 .5,.1",
            "S .45,.05 .2,.3 .2,.75 .5,1 .8,.75 .8,.28 .52,0 .38,.08",
        ],
        [ // 1
            "L .52,0 .48,1",
            "L .22,.28 .55,0 .55,1",
            "L .25,.25 .52,0 .52,1 | L .2,1 .85,1",
        ],
        [ // 2
            "S .1,.25 .3,.03 .7,.03 .88,.28 .6,.62 .1,1 | L .1,1 .95,1",
            "S .12,.2 .45,0 .85,.2 .7,.55 .3,.9 .1,.95 .15,.78 .4,.82 .65,.98 .95,.92",
            "L .1,.15 .4,0 .75,.05 .85,.3 .1,1 .9,.95",
        ],
        [ // 3
            "S .1,.14 .45,0 .82,.2 .7,.42 .4,.47 | S .4,.47 .85,.58 .88,.84 .5,1 .08,.86",
            "L .1,.02 .85,.02 .42,.4 | S .42,.4 .8,.5 .9,.75 .55,1 .08,.88",
            "S .15,.05 .6,0 .85,.2 .45,.45 .35,.47 .5,.48 .9,.7 .6,.98 .1,.95",
        ],
        [ // 4
            "L .2,0 .1,.55 .95,.52 | L .7,.12 .66,1",
            "L .7,1 .7,0 .05,.68 .98,.68",
            "S .15,.05 .12,.35 .3,.52 .65,.48 .8,.4 | S .85,0 .8,.45 .7,1",
        ],
        [ // 5
            "L .88,0 .27,0 .2,.43 | S .2,.43 .58,.35 .9,.62 .65,.96 .1,.92",
            "S .85,.03 .5,.03 .25,.1 .22,.38 .55,.45 .85,.65 .7,.95 .1,.92",
            "L .25,.05 .18,.45 | S .18,.45 .6,.42 .85,.7 .6,1 .1,.9 | L .25,.03 .92,.0",
        ],
        [ // 6
            "S .78,.02 .35,.25 .1,.65 .3,.98 .7,.97 .88,.72 .6,.52 .15,.7",
            "S .55,0 .25,.4 .12,.75 .45,1 .85,.8 .65,.55 .3,.62 .15,.8",
            "S .85,.15 .6,0 .22,.25 .1,.7 .45,1 .88,.75 .55,.5 .14,.65",
        ],
        [ // 7
            "L .05,.02 .93,.02 .35,1",
            "L .08,.03 .9,0 .4,1 | L .25,.5 .8,.47",
            "S .05,.18 .12,.04 .5,.08 .93,.02 .68,.4 .5,.7 .45,1",
        ],
        [ // 8
            "S .5,.47 .18,.27 .5,0 .84,.24 .5,.47 .1,.75 .5,1 .9,.76 .5,.47",
            "S .5,0 .2,.1 .2,.38 .5,.47 .8,.38 .8,.1 .5,0 | S .5,.47 .12,.6 .12,.9 .5,1 .88,.9 .88,.6 .5,.47",
            "S .85,.12 .5,0 .2,.2 .5,.45 .85,.75 .5,1 .12,.78 .4,.52 .8,.25 .85,.1",
        ],
        [ // 9
            "S .85,.2 .5,0 .13,.25 .42,.5 .85,.25 | L .86,.15 .78,1",
            "S .85,.25 .55,0 .15,.22 .4,.5 .8,.35 .87,.2 .86,.6 .65,.95 .2,.93",
            "S .8,.08 .4,.02 .15,.3 .45,.48 .82,.1 .75,.5 .5,1",
        ],
    ];

    private static readonly Stroke[][][] Parsed = [.. Sources.Select(styles => styles.Select(Parse).ToArray())];

    /// <summary>The styles in which a digit is written.</summary>
    /// <param name="digit">0 to 9.</param>
    internal static Stroke[][] Styles(int digit) => Parsed[digit];

    private static Stroke[] Parse(string style) =>
        [.. style.Split('|', StringSplitOptions.TrimEntries).Select(ParseStroke)];

    private static Stroke ParseStroke(string text)
    {
        string[] words = text.Split(' ');
        double[][] points =
        [
            .. words
                .Skip(1)
                .Select(w => w.Split(',').Select(v => double.Parse(v, CultureInfo.InvariantCulture)).ToArray()),
        ];
        return new Stroke(words[0] == "S", [.. points.Select(p => p[0])], [.. points.Select(p => p[1])]);
    }
}
