package main

import "strings"

// licence is one whose code may be linked in and passed on as a program, and
// what tells its text from others, in lower case with single spaces.
type licence struct {
	id   string // SPDX
	has  []string
	lack []string
}

// known is the catalogue. What is not here fails the build, and so do licences
// that ask for the source of the whole program.
func known() []licence {
	const bsd = "redistribution and use in source and binary forms"
	return []licence{
		{id: "Apache-2.0", has: []string{"apache license", "version 2.0", "grant of patent license"}},
		{id: "BSD-2-Clause", has: []string{bsd}, lack: []string{"neither the name", "names of its contributors", "advertising materials"}},
		{id: "BSD-3-Clause", has: []string{bsd, "be used to endorse or promote"}, lack: []string{"advertising materials"}},
		{id: "CC-BY-SA-4.0", has: []string{"attribution-sharealike 4.0 international"}}, // of go-digest's texts, none of which is linked in
		{id: "EPL-2.0", has: []string{"eclipse public license - v 2.0", "the accompanying program is provided under the terms"}},
		{id: "ISC", has: []string{"permission to use, copy, modify, and", "distribute this software for any purpose with or without fee"}},
		{id: "MIT", has: []string{"permission is hereby granted, free of charge", "the above copyright notice and this permission notice"}},
		{id: "MPL-2.0", has: []string{"mozilla public license", "2.0", "covered software"}},
	}
}

// refused are words of licences that are never taken, whatever else a text holds.
func refused() []string {
	return []string{
		// with a comma before "version" they are only mentioned, as MPL and EPL do
		"gnu general public license version", "gnu lesser general public license version", "gnu affero general public license version",
		"business source license", "commons clause", "server side public license",
	}
}

// identify returns the SPDX ids of the licences whose text this is: several
// where a file holds several, none where one is not known.
func identify(body string) []string {
	plain := strings.Join(strings.Fields(strings.ToLower(body)), " ")
	for _, word := range refused() {
		if strings.Contains(plain, word) {
			return nil
		}
	}
	var ids []string
	for _, l := range known() {
		if l.matches(plain) {
			ids = append(ids, l.id)
		}
	}
	return ids
}

func (l licence) matches(plain string) bool {
	for _, s := range l.has {
		if !strings.Contains(plain, s) {
			return false
		}
	}
	for _, s := range l.lack {
		if strings.Contains(plain, s) {
			return false
		}
	}
	return true
}
