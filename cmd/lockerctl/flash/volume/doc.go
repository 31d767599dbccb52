// Package volume finds a file on a card or in a card's image, and where its bytes lie: through an
// MBR or a GPT, in the root directory of a FAT12, FAT16 or FAT32. It writes nothing: a file of
// fixed size is filled by overwriting the bytes it has already, so tables and directories
// stay as their maker left them.
//
// Whatever the bytes, it returns extents inside the partition or an error; loops and
// lies in the tables end it.
package volume
