package auditlog

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxLine is the longest line in bytes; what is longer cannot be read.
const maxLine = 16 << 20

// File is a file of an audit device, as it was when it was opened: the device
// may go on writing. It may be compressed with gzip.
type File struct {
	Name string
	Size int64
}

// Open looks at a file.
func Open(name string) (File, error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file: it is read more than once", name)
	}
	if err != nil {
		return File{}, err
	}
	return File{name, info.Size()}, nil
}

// each calls line with every line of the file, until it returns false, and
// tell with how many bytes were read. Lines that cannot be understood are
// counted.
func (f File) each(ctx context.Context, tell func(read int64), line func(*Line) bool) (unreadable int64, err error) {
	file, err := os.Open(f.Name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	counted := &counter{r: io.LimitReader(file, f.Size)}
	in := bufio.NewReaderSize(counted, 1<<16)
	if magic, _ := in.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		unzip, err := gzip.NewReader(in)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", f.Name, err)
		}
		in = bufio.NewReaderSize(unzip, 1<<16)
	}
	var text []byte
	for more := true; more; {
		text, err = next(in, text[:0])
		if err != nil && !errors.Is(err, io.EOF) {
			return unreadable, fmt.Errorf("%s: %w", f.Name, err)
		}
		if ended := errors.Is(err, io.EOF); ended && len(text) == 0 || ctx.Err() != nil {
			return unreadable, ctx.Err()
		}
		tell(counted.n)
		if len(text) == 0 {
			continue
		}
		l, err := Parse(text)
		if err != nil {
			unreadable++
			continue
		}
		more = line(l)
	}
	return unreadable, nil
}

// next appends the next line, or the beginning of one that is too long: which
// is no JSON then.
func next(in *bufio.Reader, text []byte) ([]byte, error) {
	for {
		part, err := in.ReadSlice('\n')
		if room := maxLine - len(text); room > 0 {
			text = append(text, part[:min(len(part), room)]...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, err
		}
	}
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
