package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/locker"
	"lockerd/sync/backend"
)

const desiredHelp = `FILE is the whole document as JSON or, by its name, TOML; - is JSON from stdin.
Members: tenants, skus, doors, cache_max_age, open, texts. Unknown ones are refused
here. The bank applies all of it or rejects it with why (exit 1). If it is away it
gets the document with its next connection.`

const desiredMax = 1 << 20 // bytes of the file

func desiredApplyVerb(*flag.FlagSet) action {
	return func(ctx context.Context, c *call) error {
		bank, file := c.args[0], c.args[1]
		doc, err := c.readDesired(ctx, file)
		if err != nil {
			return err
		}
		d, err := c.at(ctx, bank)
		if err != nil {
			return err
		}
		defer func() { _ = d.close() }() // it is on disk
		var st desiredState
		if err := d.ask(ctx, "desired.set", desiredRequest{Bank: bank, Doc: doc, Wait: c.wait.Milliseconds()}, &st); err != nil {
			return err
		}
		if err := c.print(st, func(p *ui.Page) { statePage(p, bank, &st) }); err != nil {
			return err
		}
		if st.State == backend.DocRejected {
			return fail("%s rejected the document: %s", "correct "+file+" and apply it again; the bank keeps the one before", bank, st.Why)
		}
		return nil
	}
}

func statePage(p *ui.Page, bank string, st *desiredState) {
	t := &ui.Table{}
	t.Row(ui.Plain(bank), docCell(st.State), ui.Plain(fmt.Sprintf("version %d", st.Version)), ui.Plain(st.Why))
	p.Table(t)
	switch {
	case !st.Known:
		p.Line("%s", ui.Paint(neverHeard(bank), ui.Notice, p.Colour))
	case st.State == backend.DocPending:
		p.Line("no word of the bank yet; it gets the document with its next connection")
	}
}

// readDesired reads a document strictly.
func (c *call) readDesired(ctx context.Context, file string) (locker.Desired, error) {
	var doc locker.Desired
	r := c.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return doc, fail("cannot read %s: %s", "is the name right?", file, err)
		}
		defer func() { _ = f.Close() }() // it was only read
		r = f
	}
	b, err := ui.Await(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(r, desiredMax)) })
	if ctx.Err() != nil {
		return doc, ctx.Err()
	}
	if err != nil {
		return doc, fail("cannot read %s: %s", "", file, err)
	}
	if strings.EqualFold(filepath.Ext(file), ".toml") {
		if b, err = tomlToJSON(b); err != nil {
			return doc, fail("cannot read %s: %s", "lockerctl fleet help desired apply", file, err)
		}
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err = d.Decode(&doc); err == nil && d.More() {
		err = errors.New("something follows the document")
	}
	if err != nil {
		return doc, fail("cannot read %s: %s", "lockerctl fleet help desired apply lists the members", file, err)
	}
	return doc, nil
}

func tomlToJSON(b []byte) ([]byte, error) {
	var m map[string]any
	if err := toml.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	return json.Marshal(m)
}

func desiredShowVerb(*flag.FlagSet) action {
	return func(ctx context.Context, c *call) error {
		d, err := c.at(ctx, c.args[0])
		if err != nil {
			return err
		}
		defer func() { _ = d.close() }() // nothing is left to be done
		var page desiredPage
		if err := d.ask(ctx, "desired.get", bankQuery{Bank: c.args[0]}, &page); err != nil {
			return err
		}
		return c.print(page, func(p *ui.Page) {
			statePage(p, c.args[0], &page.desiredState)
			b, err := json.MarshalIndent(page.Doc, "", "  ")
			if err == nil {
				p.Line("%s", b)
			}
		})
	}
}
