package flash

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"lockerd/cmd/lockerctl/flash/card"
	"lockerd/cmd/lockerctl/flash/fault"
	"lockerd/cmd/lockerctl/ui"
)

// result is what was done, for scripts.
type result struct {
	Card   string  `json:"card"`
	Image  string  `json:"image"`
	SHA256 string  `json:"sha256,omitempty"` // of the image's file, where IMAGE.sha256 said it
	Bytes  int64   `json:"bytes"`            // of the image, all read back from the card
	Wrote  int64   `json:"wrote"`
	Kept   int64   `json:"kept"`   // zeros that were there already
	Zeroed int64   `json:"zeroed"` // zeros that were not
	Seed   *seeded `json:"seed,omitempty"`
}

// tell says what was done.
func (w *work) tell(done *card.Result) error {
	r := result{Card: w.path, Image: w.image.Path, SHA256: w.image.Sum, Bytes: w.plan.Size, Wrote: done.Written, Kept: done.Kept, Zeroed: done.Zeroed}
	if w.seed != nil {
		r.Seed = &w.seed.told
	}
	if w.json {
		return json.NewEncoder(w.out).Encode(r)
	}
	p := &ui.Page{W: w.out}
	p.Line("%s is whole: %s, all read back from it (%s written, %s zeroed, %s zero already)", w.path, fault.Bytes(r.Bytes), fault.Bytes(r.Wrote), fault.Bytes(r.Zeroed), fault.Bytes(r.Kept))
	if r.Seed != nil {
		p.Line("it will be %s (%s), if it enrols before %s", r.Seed.Bank, ui.Clean(r.Seed.Site), r.Seed.Expires)
	} else {
		p.Line("it has no seed: the board will be nobody until somebody tells it")
	}
	if w.disk != nil {
		p.Line("take it out")
	}
	return nil
}

// word is what a person types to confirm.
func (w *work) word() string {
	if w.disk != nil {
		return w.disk.Name
	}
	return filepath.Base(w.path)
}

// what describes card, image and seed before anything is written.
func (w *work) what() string {
	var b strings.Builder
	if w.disk != nil {
		fmt.Fprintf(&b, "card   %s\n", describe(w.disk))
		for _, p := range w.disk.Parts {
			fmt.Fprintf(&b, "       %s %s\n", p.Name, fault.Bytes(p.Size))
		}
	} else {
		fmt.Fprintf(&b, "card   %s, a file of %s\n", w.path, fault.Bytes(w.dev.Size()))
	}
	checked := "no .sha256 beside it"
	if w.image.Sum != "" {
		checked = "SHA-256 as it should be"
	}
	fmt.Fprintf(&b, "image  %s, %s, %s of it not zero; %s\n", w.image.Path, fault.Bytes(w.plan.Size), fault.Bytes(w.plan.Data), checked)
	if w.seed != nil {
		fmt.Fprintf(&b, "seed   %s, %s; must enrol before %s\n", w.seed.told.Bank, ui.Clean(w.seed.told.Site), w.seed.told.Expires)
	} else {
		b.WriteString("seed   none\n")
	}
	return b.String()
}
