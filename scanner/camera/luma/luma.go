// Package luma holds camera frames as plain luminance and makes the planes that
// readers want: half the size, inverted, sharpened, turned.
//
// Planes are written into images that the caller keeps, so that a camera at 30
// frames a second allocates nothing here. Nothing is safe for concurrent use.
package luma

import (
	"fmt"
	"image"
)

// MaxSide bounds a frame: more pixels than a code needs cost time only.
const MaxSide = 4096

// Image is luminance, one byte a pixel, row after row without gaps.
type Image struct {
	W, H int
	Pix  []uint8
}

// Reset gives the image a size. What was in it is undefined after.
func (m *Image) Reset(w, h int) {
	m.W, m.H = w, h
	if cap(m.Pix) < w*h {
		m.Pix = make([]uint8, w*h)
	}
	m.Pix = m.Pix[:w*h]
}

// Row returns one row, a part of the image.
func (m *Image) Row(y int) []uint8 { return m.Pix[y*m.W : (y+1)*m.W] }

// checkSize refuses what is no frame.
func checkSize(w, h int) error {
	if w < 1 || h < 1 || w > MaxSide || h > MaxSide {
		return fmt.Errorf("cannot use a frame of %d x %d pixels: sides of 1 to %d are possible", w, h, MaxSide)
	}
	return nil
}

// FromPlane copies a Y plane, as GREY, NV12 and YU12 frames begin with one.
func (m *Image) FromPlane(pix []uint8, w, h, stride int) error {
	return m.fromBytes(pix, w, h, stride, 1)
}

// FromYUYV copies the luminance of a frame of YUYV: every second byte.
func (m *Image) FromYUYV(pix []uint8, w, h, stride int) error {
	return m.fromBytes(pix, w, h, stride, 2)
}

func (m *Image) fromBytes(pix []uint8, w, h, stride, step int) error {
	if err := checkSize(w, h); err != nil {
		return err
	}
	if stride < w*step || len(pix) < (h-1)*stride+w*step {
		return fmt.Errorf("cannot use a frame of %d bytes: %d x %d pixels need %d", len(pix), w, h, h*max(stride, w*step))
	}
	m.Reset(w, h)
	for y := range h {
		row, from := m.Row(y), pix[y*stride:]
		if step == 1 {
			copy(row, from)
			continue
		}
		from = from[:2*w]
		for x := range row {
			row[x] = from[2*x]
		}
	}
	return nil
}

// FromImage copies a decoded picture. Gray and YCbCr (what JPEG gives) are
// copied as they are, all others are converted pixel by pixel.
func (m *Image) FromImage(img image.Image) error {
	r := img.Bounds()
	switch img := img.(type) {
	case *image.Gray:
		return m.FromPlane(img.Pix, r.Dx(), r.Dy(), img.Stride)
	case *image.YCbCr:
		return m.FromPlane(img.Y, r.Dx(), r.Dy(), img.YStride)
	}
	if err := checkSize(r.Dx(), r.Dy()); err != nil {
		return err
	}
	m.Reset(r.Dx(), r.Dy())
	for y := range m.H {
		row := m.Row(y)
		for x := range row {
			cr, cg, cb, _ := img.At(r.Min.X+x, r.Min.Y+y).RGBA()
			row[x] = uint8((19595*cr + 38470*cg + 7471*cb + 1<<15) >> 24) //nolint:gosec // 16 bits of weights, 8 of 16 bits kept
		}
	}
	return nil
}
