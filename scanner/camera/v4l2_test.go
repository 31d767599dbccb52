package camera

import (
	"errors"
	"testing"

	"github.com/blackjack/webcam"

	"lockerd/scanner/camera/luma"
)

func TestNearestSize(t *testing.T) {
	exact := func(w, h uint32) webcam.FrameSize {
		return webcam.FrameSize{MinWidth: w, MaxWidth: w, MinHeight: h, MaxHeight: h}
	}
	for _, c := range []struct {
		name  string
		sizes []webcam.FrameSize
		w, h  int
	}{
		{"offered", []webcam.FrameSize{exact(320, 240), exact(640, 480), exact(1280, 720)}, 640, 480},
		{"nearest", []webcam.FrameSize{exact(320, 240), exact(800, 600)}, 800, 600},
		{"steps", []webcam.FrameSize{{MinWidth: 32, MaxWidth: 1920, StepWidth: 32, MinHeight: 32, MaxHeight: 1080, StepHeight: 16}}, 640, 480},
		{"steps that don't meet", []webcam.FrameSize{{MinWidth: 100, MaxWidth: 1000, StepWidth: 100, MinHeight: 50, MaxHeight: 1000, StepHeight: 100}}, 600, 450},
		{"none told", nil, 640, 480},
		{"none that is one", []webcam.FrameSize{exact(0, 0)}, 640, 480},
	} {
		if w, h := nearest(c.sizes, 640, 480); w != c.w || h != c.h {
			t.Errorf("%s: got %d x %d, want %d x %d", c.name, w, h, c.w, c.h)
		}
	}
}

func TestPreferredFormats(t *testing.T) {
	if f := preferred(Config{Width: 640, Height: 480}); f[len(f)-1] != fmtMJPG {
		t.Error("small frames are compressed though they need not be")
	}
	if f := preferred(Config{Width: 1280, Height: 720}); f[1] != fmtMJPG {
		t.Error("large frames are not compressed")
	}
}

func TestCopyFrame(t *testing.T) {
	jpg := encoded(t, 77)
	for _, c := range []struct {
		name   string
		format webcam.PixelFormat
		pix    []byte
		want   uint8 // of the pixel in the middle; 0: refused
	}{
		{"grey", fmtGrey, fill(16*16, 77), 77},
		{"padded grey", fmtGrey, fill(16*20, 77), 77},
		{"YUYV", fmtYUYV, fill(16*16*2, 77), 77},
		{"NV12", fmtNV12, fill(16*16*3/2, 77), 77},
		{"YU12", fmtYU12, fill(16*16*3/2, 77), 77},
		{"MJPG", fmtMJPG, jpg, 77},
		{"half a frame", fmtYUYV, fill(16*16, 77), 0},
		{"empty", fmtGrey, nil, 0},
		{"half a JPEG", fmtMJPG, jpg[:len(jpg)/2], 0},
	} {
		var m luma.Image
		d := &device{format: c.format, w: 16, h: 16}
		err := d.copyFrame(&m, c.pix)
		if c.want == 0 {
			if !errors.Is(err, errBadFrame) {
				t.Errorf("%s: got %v, want a bad frame", c.name, err)
			}
			continue
		}
		if err != nil || m.W != 16 || m.Pix[8*16+8] != c.want {
			t.Errorf("%s: got %v, %d x %d", c.name, err, m.W, m.H)
		}
	}
}

func fill(n int, v byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = v
	}
	return b
}
