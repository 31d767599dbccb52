package flash

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"lockerd/cmd/lockerctl/flash/fault"
	"lockerd/cmd/lockerctl/ui"
)

// confirm asks whether the card may be lost, and looks whether it is still the one that
// was asked about.
func (w *work) confirm(ctx context.Context) error {
	w.shown.end()
	if !w.yes {
		if err := w.ask(ctx); err != nil {
			return err
		}
	}
	if w.disk == nil {
		return nil
	}
	now, err := w.system.Find(w.disk.Number)
	held, herr := w.dev.Number()
	if err != nil || herr != nil || held != w.disk.Number || now.Seq != w.disk.Seq || now.Size != w.disk.Size || w.dev.Size() != w.disk.Size {
		return fault.New("run it again", "cannot flash %s: another card was put in meanwhile", w.path)
	}
	return nil
}

// person is where somebody types an answer: stdin, or the terminal behind a seed that
// comes from there.
func (w *work) person() (io.ReadCloser, error) {
	switch {
	case w.options.seed == "-":
		return w.tty()
	case w.asks:
		return io.NopCloser(w.stdin), nil
	}
	return nil, errors.New("stdin is no terminal")
}

func (w *work) ask(ctx context.Context) error {
	from, err := w.person()
	if err != nil {
		return fault.New("run it on a terminal, or with --yes if you are sure that this is the card", "cannot flash %s: nobody is there to be asked whether its content may be lost", w.path)
	}
	defer from.Close() //nolint:errcheck // only read
	for line := range strings.Lines(w.what()) {
		ui.Emit(w.stderr, "%s\n", ui.Clean(strings.TrimRight(line, "\n")))
	}
	ui.Emit(w.stderr, "Everything on %s will be lost. To go on, type %s: ", ui.Clean(w.path), ui.Clean(w.word()))
	typed, err := typed(ctx, from)
	if err != nil {
		ui.Emit(w.stderr, "\n")
		return err
	}
	if typed != w.word() {
		return fault.New("look at the card's name again: lockerctl flash --list", "stopped: %q is not %s, nothing was written", typed, w.word())
	}
	return nil
}

// typed reads one line. It gives up when ctx ends; the reading goes on until the
// program does.
func typed(ctx context.Context, r io.Reader) (string, error) {
	return ui.Await(ctx, func() (string, error) {
		s, _ := bufio.NewReader(r).ReadString('\n') // an end is an empty answer
		return strings.TrimSpace(s), nil
	})
}
