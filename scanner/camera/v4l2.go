package camera

import (
	"context"
	"errors"
	"fmt"

	"github.com/blackjack/webcam"

	"lockerd/scanner/camera/luma"
)

// Pixel formats of videodev2.h that begin with luminance or are made of it.
const (
	fmtGrey = webcam.PixelFormat('G' | 'R'<<8 | 'E'<<16 | 'Y'<<24)
	fmtNV12 = webcam.PixelFormat('N' | 'V'<<8 | '1'<<16 | '2'<<24)
	fmtYU12 = webcam.PixelFormat('Y' | 'U'<<8 | '1'<<16 | '2'<<24)
	fmtYUYV = webcam.PixelFormat('Y' | 'U'<<8 | 'Y'<<16 | 'V'<<24)
	fmtMJPG = webcam.PixelFormat('M' | 'J'<<8 | 'P'<<16 | 'G'<<24)
)

const (
	buffers       = 3         // one is filled, one waits, one is copied
	plainPixels   = 640 * 480 // above this USB 2 has no room for uncompressed frames at 25 a second
	frameSeconds  = 1         // of waiting for one frame, the shortest the library knows
	silentSeconds = 5         // without a frame the camera counts as lost
)

// device is a V4L2 camera.
type device struct {
	cam    *webcam.Webcam
	format webcam.PixelFormat
	w, h   int
	jpegs  jpegs
}

// openV4L2 opens a camera in the format that costs least, at the size nearest
// to the wished one.
func openV4L2(cfg Config) (frames, error) {
	cam, err := webcam.Open(cfg.Port)
	if err != nil {
		return nil, err
	}
	d := &device{cam: cam}
	if err := d.start(cfg); err != nil {
		_ = cam.Close() // the reason is err
		return nil, err
	}
	return d, nil
}

func (d *device) start(cfg Config) error {
	formats := d.cam.GetSupportedFormats()
	for _, f := range preferred(cfg) {
		if _, ok := formats[f]; ok {
			d.format = f
			break
		}
	}
	if d.format == 0 {
		return errors.New("it has none of the formats GREY, NV12, YU12, YUYV, MJPG: use another camera")
	}
	d.w, d.h = nearest(d.cam.GetSupportedFrameSizes(d.format), cfg.Width, cfg.Height)
	got, _, _, err := d.cam.SetImageFormat(d.format, uint32(d.w), uint32(d.h)) //nolint:gosec // at most luma.MaxSide
	if err != nil {
		return err
	}
	if got != d.format {
		return fmt.Errorf("it does not take the format it offers at %d x %d: try another width and height", d.w, d.h)
	}
	_ = d.cam.SetFramerate(float32(cfg.FPS)) // its own rate will do
	if err := d.cam.SetBufferCount(buffers); err != nil {
		return err
	}
	return d.cam.StartStreaming()
}

// preferred returns the formats to try in turn.
func preferred(cfg Config) []webcam.PixelFormat {
	if cfg.Width*cfg.Height > plainPixels {
		return []webcam.PixelFormat{fmtGrey, fmtMJPG, fmtNV12, fmtYU12, fmtYUYV}
	}
	return []webcam.PixelFormat{fmtGrey, fmtNV12, fmtYU12, fmtYUYV, fmtMJPG}
}

// nearest returns the size a camera has that differs least from the wished one
// in pixels. The library does not tell which size a driver has set, so it must
// be one that is offered.
func nearest(sizes []webcam.FrameSize, w, h int) (int, int) {
	bestW, bestH, best := w, h, -1
	for _, s := range sizes {
		sw, sh := within(w, s.MinWidth, s.MaxWidth, s.StepWidth), within(h, s.MinHeight, s.MaxHeight, s.StepHeight)
		diff := max(sw*sh-w*h, w*h-sw*sh)
		if sw > 0 && sh > 0 && (best < 0 || diff < best) {
			bestW, bestH, best = sw, sh, diff
		}
	}
	return bestW, bestH
}

// within returns the value of a range with a step that is nearest below v.
func within(v int, low, high, step uint32) int {
	v = min(max(v, int(low)), int(high), luma.MaxSide)
	if step > 1 {
		v -= (v - int(low)) % int(step)
	}
	return v
}

// next implements frames: of several frames that wait the newest is taken.
func (d *device) next(ctx context.Context, m *luma.Image) error {
	if err := d.await(ctx); err != nil {
		return err
	}
	pix, index, err := d.cam.GetFrame()
	for err == nil && d.cam.WaitForFrame(0) == nil {
		if err = d.cam.ReleaseFrame(index); err == nil {
			pix, index, err = d.cam.GetFrame()
		}
	}
	if err != nil {
		return err
	}
	bad := d.copyFrame(m, pix) // before the buffer goes back: the camera writes into it
	if err := d.cam.ReleaseFrame(index); err != nil {
		return err
	}
	return bad
}

// await waits for a frame, looking at ctx each second.
func (d *device) await(ctx context.Context) error {
	for range silentSeconds {
		err := d.cam.WaitForFrame(frameSeconds)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var late *webcam.Timeout
		if err == nil || !errors.As(err, &late) {
			return err
		}
	}
	return fmt.Errorf("no frame has come for %d s", silentSeconds)
}

// copyFrame takes the luminance out of a frame. Rows can be padded.
func (d *device) copyFrame(m *luma.Image, pix []byte) error {
	var err error
	switch d.format {
	case fmtMJPG:
		return d.jpegs.decode(m, pix)
	case fmtYUYV:
		err = m.FromYUYV(pix, d.w, d.h, max(len(pix)/d.h, 2*d.w))
	case fmtGrey:
		err = m.FromPlane(pix, d.w, d.h, max(len(pix)/d.h, d.w))
	default: // a Y plane and half as much colour
		err = m.FromPlane(pix, d.w, d.h, max(len(pix)*2/3/d.h, d.w))
	}
	if err != nil {
		return errBadFrame
	}
	return nil
}

// close implements frames.
func (d *device) close() error { return d.cam.Close() }
