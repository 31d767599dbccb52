// Package ui is what lockerctl's programs share: verbs and their flags, usage,
// tables, drawn codes, events for people. It knows no bank and no backend.
package ui
