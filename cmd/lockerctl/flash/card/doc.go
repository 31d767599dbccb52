// Package card puts an image on a card and believes nothing it has not read back. It knows no
// Linux: a card is a [Device].
//
// What it promises, in the order in which [Write] goes:
//
//  1. Blank: the first MiB of the card, its last, and the one behind the image's end are zeroed, synced
//     and read back, the first sector before all. From here on nothing boots from it, neither the old
//     content (whose second GPT lies at the end) nor half of the new.
//  2. Write: all of the image but its first MiB. Where the image has a MiB of zeros the card is read, and
//     zeroed only if it holds something else: what is skipped is known to be zero, not hoped.
//     An image tells allocated zeros from holes no more once it is compressed, so a card with an
//     old content is never left with some of it inside the image's length.
//  3. Verify: all of it is read back, zeros too, and compared by SHA-256 per MiB. What will be written
//     later must not fall on what is verified now, as it does on a card that lies about its
//     size: so the first MiB holds a mark meanwhile: a text that is no table.
//  4. Seed: the file is found on the card, overwritten, read back.
//  5. Head: the first MiB but its first sector is written, synced and compared; then that
//     sector, which holds the MBR. The seed is read again, now as a board will.
//
// So a kill, a pulled plug or an error leaves a card that is as it was (before 1), blank (or
// with the mark), or whole: as far as the card writes a sector at once or not at all. Behind the end of the image, and but
// for the two MiB of 1, the card keeps what it had.
package card
