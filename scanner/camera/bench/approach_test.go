package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/datamatrix"
	"github.com/makiuchi-d/gozxing/oned"
	"github.com/makiuchi-d/gozxing/qrcode"

	"lockerd/scanner/camera/grid"
	"lockerd/scanner/camera/gridtest"
	"lockerd/scanner/camera/luma"
	"lockerd/scanner/camera/read"
)

const (
	approaches  = 12
	frames      = 45 // of one approach, at 30 a second
	arrives     = 18 // frame in which the code comes to rest
	framePeriod = time.Second / 30
)

// approach is a code that somebody brings before a camera: it comes nearer from
// one side, blurred by its movement, and then is held with a trembling hand.
type approach struct {
	code   gridtest.Code
	text   string
	module float64 // pixels when at rest
	angle  float64
	seed   uint64
}

// newApproach draws lots: half are QR codes, a third Code 128, the rest Data Matrix.
func newApproach(t *testing.T, i int) *approach {
	t.Helper()
	rnd := rand.New(rand.NewPCG(uint64(i), 7))
	text := ""
	for range 26 {
		text += string(rune('0' + rnd.IntN(10)))
	}
	a := &approach{text: text, angle: (rnd.Float64() - 0.5) * 0.7, seed: uint64(i)}
	var w gozxing.Writer
	var format gozxing.BarcodeFormat
	switch i % 6 {
	case 0, 2, 4:
		w, format, a.module = qrcode.NewQRCodeWriter(), gozxing.BarcodeFormat_QR_CODE, 3+4*rnd.Float64()
	case 1, 3:
		w, format, a.module = oned.NewCode128Writer(), gozxing.BarcodeFormat_CODE_128, 1.8+rnd.Float64()
	default:
		w, format, a.module = datamatrix.NewDataMatrixWriter(), gozxing.BarcodeFormat_DATA_MATRIX, 4+4*rnd.Float64()
	}
	m, err := w.Encode(text, format, 0, 0, map[gozxing.EncodeHintType]any{gozxing.EncodeHintType_MARGIN: 0})
	if err != nil {
		t.Fatal(err)
	}
	a.code = gridtest.Code{W: m.GetWidth(), H: m.GetHeight(), Dark: m.Get}
	if format == gozxing.BarcodeFormat_CODE_128 {
		a.code.H = 60
		a.code.Dark = func(x, _ int) bool { return m.Get(x, 0) }
	}
	return a
}

// draw draws a frame: the mean of what is seen while the shutter is open.
func (a *approach) draw(m *luma.Image, frame int) {
	const shutter = 3
	var part luma.Image
	part.Reset(640, 480)
	m.Reset(640, 480)
	sum := make([]int, len(m.Pix))
	for i := range shutter {
		gridtest.Draw(&part, a.code, a.place(float64(frame)+0.4*float64(i)/shutter), 3, a.seed<<16+uint64(frame*shutter+i))
		for k, v := range part.Pix {
			sum[k] += int(v)
		}
	}
	for k, v := range sum {
		m.Pix[k] = uint8(v / shutter)
	}
}

// place is where the code is at a time, in frames.
func (a *approach) place(at float64) grid.Quad {
	left := max(0, 1-at/arrives) // of the way
	scale := a.module * (1 - 0.5*left)
	trembling := 1.5 * math.Sin(at*0.9+float64(a.seed))
	mid := grid.Point{X: 320 + 420*left*left + trembling, Y: 240 + 120*left*left}
	cos, sin := math.Cos(a.angle+0.3*left), math.Sin(a.angle+0.3*left)
	w, h := float64(a.code.W)/2*scale, float64(a.code.H)/2*scale
	var q grid.Quad
	for i, p := range [4]grid.Point{{X: -w, Y: -h}, {X: w, Y: -h}, {X: w, Y: h}, {X: -w, Y: h}} {
		q[i] = grid.Point{X: mid.X + cos*p.X - sin*p.Y, Y: mid.Y + sin*p.X + cos*p.Y}
	}
	return q
}

// first returns when an engine has first read the code: it gets a frame when it
// is free, the newest. Never is the end of the approach.
func (a *approach) first(shown []*luma.Image, engine func(m *luma.Image) outcome) time.Duration {
	for at := time.Duration(0); ; {
		frame := int((at + framePeriod - 1) / framePeriod)
		if frame >= len(shown) {
			return frames * framePeriod
		}
		o := engine(shown[frame])
		at = time.Duration(frame)*framePeriod + max(o.cpu, 1)
		if slices.Contains(o.texts, a.text) {
			return at
		}
	}
}

// TestApproaches compares when a code brought before the camera is first read.
func TestApproaches(t *testing.T) {
	if os.Getenv(folders) == "" {
		t.Skip("run make bench-camera")
	}
	ref := startReference(t)
	var times [3][]time.Duration
	for i := range approaches {
		a := newApproach(t, i)
		shown := make([]*luma.Image, frames)
		for f := range shown {
			shown[f] = &luma.Image{}
			a.draw(shown[f], f)
		}
		r := read.New()
		for e, engine := range []func(m *luma.Image) outcome{
			func(m *luma.Image) outcome { return live(r, m) },
			func(m *luma.Image) outcome { z, _ := ref.read(t, m); return z },
			func(m *luma.Image) outcome { _, z := ref.read(t, m); return z },
		} {
			times[e] = append(times[e], a.first(shown, engine))
		}
	}
	fmt.Printf("\n%d approaches, first read (median; never):", approaches)
	for e, name := range []string{"lockerd", "zxing-cpp", "zbar"} {
		slices.Sort(times[e])
		never := 0
		for _, d := range times[e] {
			if d == frames*framePeriod {
				never++
			}
		}
		fmt.Printf(" %s %d ms, %d;", name, times[e][approaches/2].Milliseconds(), never)
	}
	fmt.Println()
}

// live reads a frame as the camera's source does.
func live(r *read.Reader, m *luma.Image) outcome {
	began := cpu()
	var o outcome
	for _, res := range r.Frame(m) {
		o.texts = append(o.texts, res.Text)
	}
	o.cpu = cpu() - began
	return o
}
