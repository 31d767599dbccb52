package luma

import (
	"bytes"
	"image"
	"image/color"
	"testing"
)

func TestFromBytes(t *testing.T) {
	for _, c := range []struct {
		name string
		from func(m *Image) error
		want []uint8 // nil: refused
	}{
		{"plane", func(m *Image) error { return m.FromPlane([]uint8{1, 2, 3, 4}, 2, 2, 2) }, []uint8{1, 2, 3, 4}},
		{"padded plane", func(m *Image) error { return m.FromPlane([]uint8{1, 2, 9, 3, 4}, 2, 2, 3) }, []uint8{1, 2, 3, 4}},
		{"YUYV", func(m *Image) error { return m.FromYUYV([]uint8{1, 8, 2, 8, 3, 8, 4, 8}, 2, 2, 4) }, []uint8{1, 2, 3, 4}},
		{"too short", func(m *Image) error { return m.FromPlane([]uint8{1, 2, 3}, 2, 2, 2) }, nil},
		{"YUYV too short", func(m *Image) error { return m.FromYUYV([]uint8{1, 8, 2, 8, 3, 8, 4}, 2, 2, 4) }, nil},
		{"stride below width", func(m *Image) error { return m.FromPlane(make([]uint8, 99), 4, 4, 3) }, nil},
		{"no size", func(m *Image) error { return m.FromPlane(nil, 0, 0, 0) }, nil},
		{"too wide", func(m *Image) error { return m.FromPlane(make([]uint8, MaxSide+1), MaxSide+1, 1, MaxSide+1) }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m Image
			if err := c.from(&m); (err != nil) != (c.want == nil) {
				t.Fatal(err)
			}
			if c.want != nil && !bytes.Equal(m.Pix, c.want) {
				t.Errorf("got %v, want %v", m.Pix, c.want)
			}
		})
	}
}

func TestFromImage(t *testing.T) {
	gray := image.NewGray(image.Rect(0, 0, 3, 2))
	rgba := image.NewRGBA(gray.Rect)
	for i := range gray.Pix {
		gray.Pix[i] = uint8(40 * i)
		rgba.Set(i%3, i/3, color.Gray{Y: uint8(40 * i)})
	}
	ycc := image.NewYCbCr(gray.Rect, image.YCbCrSubsampleRatio420)
	for y := range 2 {
		copy(ycc.Y[y*ycc.YStride:], gray.Pix[3*y:3*y+3])
	}
	for _, img := range []image.Image{gray, rgba, ycc} {
		var m Image
		if err := m.FromImage(img); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.Pix, gray.Pix) {
			t.Errorf("%T: got %v, want %v", img, m.Pix, gray.Pix)
		}
	}
	part := gray.SubImage(image.Rect(1, 1, 3, 2))
	var m Image
	if err := m.FromImage(part); err != nil || !bytes.Equal(m.Pix, gray.Pix[4:6]) {
		t.Errorf("part: got %v %v, want %v", m.Pix, err, gray.Pix[4:6])
	}
}

func TestPlanes(t *testing.T) {
	from := &Image{W: 3, H: 2, Pix: []uint8{1, 2, 3, 4, 5, 6}}
	var m Image
	m.Turn(from)
	if m.W != 2 || !bytes.Equal(m.Pix, []uint8{3, 6, 2, 5, 1, 4}) {
		t.Errorf("turned: %v", m)
	}
	m.Invert(from)
	if !bytes.Equal(m.Pix, []uint8{254, 253, 252, 251, 250, 249}) {
		t.Errorf("inverted: %v", m)
	}
	m.Half(from)
	if m.W != 1 || m.H != 1 || m.Pix[0] != 3 {
		t.Errorf("half: %v", m)
	}
	m.Sharpen(from)
	if !bytes.Equal(m.Pix, from.Pix) {
		t.Errorf("a picture without contrast was sharpened to %v", m)
	}
}

func TestSharpenRaisesContrast(t *testing.T) {
	from := &Image{}
	from.Reset(9, 9)
	for i := range from.Pix {
		from.Pix[i] = 100
	}
	from.Pix[4*9+4] = 140
	var m Image
	m.Sharpen(from)
	if m.Pix[4*9+4] <= 200 || m.Pix[4*9+2] >= 100 {
		t.Errorf("a spot of 140 in 100 became %d, beside it %d", m.Pix[4*9+4], m.Pix[4*9+2])
	}
}

func FuzzPlanes(f *testing.F) {
	f.Add([]byte("some pixels"), uint8(3))
	f.Fuzz(func(t *testing.T, pix []byte, w uint8) {
		if w == 0 || len(pix) < int(w) {
			return
		}
		from := &Image{W: int(w), H: len(pix) / int(w), Pix: pix[:len(pix)/int(w)*int(w)]}
		var a, b Image
		a.Half(from)
		a.Sharpen(from)
		a.Turn(from)
		for range 3 {
			b.Turn(&a)
			a, b = b, a
		}
		if a.W != from.W || !bytes.Equal(a.Pix, from.Pix) {
			t.Fatal("four quarter turns are not the picture itself")
		}
	})
}
