package revocation

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"sync"
)

// ListSize is how many serials one status list covers: list n holds the
// serials from n*ListSize on, at the index serial % ListSize.
const ListSize = 1 << 17

// List is an uncompressed status list with one bit per serial, the least
// significant bit of a byte first (draft-ietf-oauth-status-list section 4.1).
// A set bit means that the credential is dead.
type List []byte

// NewList returns a list in which every credential is alive.
func NewList() List { return make(List, ListSize/8) }

// Has reports whether the bit at index is set; beyond the end none is.
func (l List) Has(index uint64) bool {
	return index/8 < uint64(len(l)) && l[index/8]&(1<<(index%8)) != 0
}

// compressors are kept because each takes a megabyte.
var compressors = sync.Pool{New: func() any {
	w, err := zlib.NewWriterLevel(nil, zlib.BestSpeed)
	if err != nil {
		panic(err) // the level is a good one
	}
	return w
}}

// Encode compresses the list with zlib and encodes it in base64url, as the
// member lst of a status list has it.
func (l List) Encode() string {
	var buf bytes.Buffer
	w := compressors.Get().(*zlib.Writer)
	defer compressors.Put(w)
	w.Reset(&buf)
	_, _ = w.Write(l) // a bytes.Buffer takes every write
	_ = w.Close()
	return base64.RawURLEncoding.EncodeToString(buf.Bytes())
}

// DecodeList is the inverse of [List.Encode]. It refuses more than ListSize
// bits, however well they are compressed.
func DecodeList(lst string) (List, error) {
	packed, err := base64.RawURLEncoding.Strict().DecodeString(lst)
	if err != nil {
		return nil, errors.New("status list is not base64url")
	}
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, errors.New("status list is not zlib data")
	}
	list, err := io.ReadAll(io.LimitReader(r, ListSize/8+1))
	if err != nil {
		return nil, errors.New("status list is damaged")
	}
	if len(list) > ListSize/8 {
		return nil, fmt.Errorf("status list has more than %d bits", ListSize)
	}
	return list, nil
}
