package wire

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lockerd/daemon/locker"
)

// TestReadme holds that README.md, which is all that a backend's author has beside the
// schemas, names each word of the wire, and that its worked values are right.
func TestReadme(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	words := []string{
		locker.TagOf("lon-042", "31415926535897932384626434").String(),
		(&locker.Code{ID: "c-9f31", Tag: locker.TagOf("lon-042", "31415926535897932384626434")}).DigestPart().String(),
	}
	for typ := range takes {
		words = append(words, "`"+typ+"`")
	}
	for _, file := range []string{"refusal.go", "down.go", "../../daemon/locker/reason.go", "../../daemon/locker/event.go", "../../daemon/locker/command.go"} {
		words = append(words, constants(t, file)...)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("README.md does not have %s", w)
		}
	}
	for _, m := range regexp.MustCompile("`(?:[.][.]/)*[a-z/]+[.](?:json|md)`").FindAllString(text, -1) {
		file := strings.Trim(m, "`")
		if strings.HasPrefix(file, "vectors/") {
			file = "../../testdata/" + file
		}
		if _, err := os.Stat(file); err != nil {
			t.Errorf("README.md names a file that is not there: %v", err)
		}
	}
}

// constants are the texts of a file's constants, as README.md writes them.
func constants(t *testing.T, file string) (words []string) {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\t\w+ *(?:Reason )?= "([a-z_.]+)"`).FindAllSubmatch(src, -1) {
		if w := string(m[1]); w != locker.EvUpdatePrefix && !slices.Contains(words, "`"+w+"`") {
			words = append(words, "`"+w+"`")
		}
	}
	if len(words) == 0 {
		t.Fatalf("%s has no constants", file)
	}
	return words
}
