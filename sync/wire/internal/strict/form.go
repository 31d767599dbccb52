package strict

import (
	"reflect"

	"lockerd/daemon/locker"
)

// form says how a value of a type is written. The types' own errors quote what
// they were given.
func form(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[locker.DoorID]():
		return "a door is written L-DD, locker 1-6 and door 01-34"
	case reflect.TypeFor[locker.Size]():
		return "a size is XS, S, M, L or XL"
	case reflect.TypeFor[locker.Tag]():
		return "a tag is 22 characters of unpadded base64url"
	case reflect.TypeFor[locker.Digest]():
		return "a digest is 64 hex digits"
	case reflect.TypeFor[locker.Time]():
		return "a time is written 2006-01-02T15:04:05.000Z"
	case reflect.TypeFor[locker.Duration]():
		return "a duration is written 300ms, 2m or 168h"
	}
	return "is not written as it must be"
}
