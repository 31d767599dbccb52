package read

import (
	"slices"

	"lockerd/scanner/camera/luma"
	"lockerd/scanner/camera/oned"
)

const (
	lineStep  = 8  // pixels between lines, at most
	lineMin   = 48 // lines of an image, where it has as many rows
	remember  = 12 // frames for which a text seen once is remembered
	maxSights = 8
	margin    = 2 // pixels of light put around a line
)

// lines reads along lines and keeps what was seen once.
type lines struct {
	scanner oned.Scanner
	line    []uint8
	sights  []sight
	frame   int
	out     []Result
	ends    []endAt
	stacked int // lines of this frame that crossed an end of a PDF417 where one nearby did
}

// sight is a text that one line had.
type sight struct {
	res   Result
	line  lineID
	frame int
}

// lineID tells lines apart. The same line again is no second witness: in a scene
// that stands still its pixels are the same, and so are its errors.
type lineID struct{ way, y int }

// begin begins a frame.
func (l *lines) begin() {
	l.frame++
	l.stacked = 0
	kept := l.sights[:0]
	for _, s := range l.sights {
		if l.frame-s.frame <= remember {
			kept = append(kept, s)
		}
	}
	l.sights = kept
}

// rows reads along the rows of an image and returns what two lines have. The
// lines of the four phases lie between each other.
func (l *lines) rows(m *luma.Image, way, phase int) []Result {
	l.out, l.ends = l.out[:0], l.ends[:0]
	step := min(max(m.H/lineMin, 1), lineStep)
	first := 1 + step*(phase*2%4+phase/2)/4 // halves first
	for y := first; y < m.H-1; y += step {
		l.smooth(m, y)
		for _, h := range l.scanner.Scan(l.line) {
			l.see(Result{Format: formatOf(h.Kind), Text: h.Text}, lineID{way, y})
		}
		l.seeEnds(y, step)
	}
	return l.out
}

// smooth makes a line the mean of three rows, with light around it: a code may
// touch the frame.
func (l *lines) smooth(m *luma.Image, y int) {
	a, b, c := m.Row(y-1), m.Row(y), m.Row(y+1)
	n := m.W + 2*margin
	if cap(l.line) < n {
		l.line = make([]uint8, n)
	}
	l.line = l.line[:n]
	for x, v := range b {
		l.line[margin+x] = uint8((int(a[x]) + 2*int(v) + int(c[x])) / 4)
	}
	near := max(m.W/8, 1) // paper as bright as the brightest nearby
	left, right := slices.Max(l.line[margin:margin+near]), slices.Max(l.line[n-margin-near:n-margin])
	for x := range margin {
		l.line[x], l.line[n-1-x] = left, right
	}
}

// see takes what a line has; the second line makes it a result.
func (l *lines) see(res Result, line lineID) {
	for i, s := range l.sights {
		if s.res == res {
			l.sights[i].frame = l.frame
			if s.line != line {
				l.out = append(l.out, res)
			}
			return
		}
	}
	if len(l.sights) == maxSights {
		l.sights = slices.Delete(l.sights, 0, 1)
	}
	l.sights = append(l.sights, sight{res, line, l.frame})
}

// endAt is what may be an end of a PDF417, and in which line.
type endAt struct {
	oned.End
	y int
}

// seeEnds takes the ends of PDF417s in a line. Letters and frames look like one
// here and there; those of a code lie one below the other and are as wide.
func (l *lines) seeEnds(y, step int) {
	kept := l.ends[:0]
	for _, e := range l.ends {
		if y-e.y <= 2*step {
			kept = append(kept, e)
		}
	}
	l.ends = kept
	beside := false
	for _, e := range l.scanner.Ends() {
		for _, k := range kept {
			beside = beside || e.Follows(k.End, float32(y-k.y))
		}
	}
	if beside {
		l.stacked++
	}
	for _, e := range l.scanner.Ends() {
		l.ends = append(l.ends, endAt{e, y})
	}
}
