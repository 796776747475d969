package http1_test

import (
	"bufio"
	"context"

	"net"
	"net/http"
	"reflect"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/http1"
)

// FuzzAnswer has a server send anything: it means what http.Transport takes it
// for, or nothing to both.
func FuzzAnswer(f *testing.F) {
	for _, answer := range []string{
		hello, hello + hello, hello[:40], "", "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nto the end",
		"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + hello, "HTTP/1.1 100 Continue\r\n\r\n" + hello,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 200 OK\nA: b\n folded\n\nx", "HTTP/1.1 000 x\r\n\r\n",
	} {
		f.Add([]byte(answer), false)
		f.Add([]byte(answer), true)
	}
	f.Fuzz(func(t *testing.T, answer []byte, head bool) {
		dial := func(context.Context) (net.Conn, error) { return saying(answer), nil }
		ours := &http1.Transport{Dial: dial, MaxHead: 4 << 10}
		theirs := &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }, MaxResponseHeaderBytes: 4 << 10, DisableCompression: true,
		}
		defer theirs.CloseIdleConnections()
		method := map[bool]string{true: "HEAD", false: "GET"}[head]
		got, gotErr := send(ours, request(t.Context(), method, "/", nil, 0))
		want, wantErr := send(theirs, request(t.Context(), method, "/", nil, 0))
		switch {
		case want != nil && (want.status < 100 || want.status == http.StatusSwitchingProtocols): // which nobody asked for
			if got != nil {
				t.Fatalf("%+v", got)
			}
		case (gotErr == nil) != (wantErr == nil) || gotErr == nil && !reflect.DeepEqual(got, want):
			t.Fatalf("%+v %v, http.Transport: %+v %v", got, gotErr, want, wantErr)
		}
	})
}

// saying is a connection to a server that reads a request, says this and is gone.
func saying(answer []byte) net.Conn {
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		if _, err := http.ReadRequest(bufio.NewReader(far)); err == nil {
			_, _ = far.Write(answer)
		}
	}()
	return near
}
