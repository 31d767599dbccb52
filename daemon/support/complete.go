package support

import (
	"bytes"
	"context"

	"lockerd/daemon/bundle"
)

// Complete opens a bundle that lockerd has made and adds what it could not
// read: the logs of the machine, which a hardened service may not see.
func (s *Source) Complete(ctx context.Context, made []byte) (About, []bundle.Part, error) {
	_, parts, err := bundle.Read(bytes.NewReader(made))
	if err != nil {
		return About{}, nil, err
	}
	about, parts, err := Open(parts)
	if err != nil {
		return About{}, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, Time)
	defer cancel()
	conf, err := readBounded(s.ConfigFile)
	if err != nil {
		conf = nil // its secrets are where we can't look either
	}
	g := &gathering{Source: s, missing: map[string]string{}}
	secrets := append(bundle.Secrets(conf), g.passwords(conf)...)
	for name := range about.Missing {
		if read := s.Logs[name]; read != nil {
			g.ask(ctx, name, bounded(name, read, conf))
		}
	}
	for name, why := range g.missing { // what is wrong now, not what was for lockerd
		about.Missing[name] = string(bundle.Scrub([]byte(why), secrets))
	}
	for _, p := range g.parts {
		delete(about.Missing, p.Name)
		parts = append(parts, bundle.Part{Name: p.Name, Body: bundle.Scrub(p.Body, secrets)})
	}
	return about, parts, nil
}
