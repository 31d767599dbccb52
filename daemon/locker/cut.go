package locker

import "strings"

// Cut bounds a text of somebody else's to so many bytes. A character that does not fit
// whole is left out: half of one would come back from JSON as another text.
func Cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}
