//go:build bench

package bench

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// spent is the processor time of the processes.
func (p *proxyProcess) spent() time.Duration {
	var total time.Duration
	for _, id := range p.processes {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
		var user, system int64 // proc(5): fields 14 and 15, in hundredths of a second
		_, fields, _ := strings.Cut(string(stat), ") ")
		if f := strings.Fields(fields); len(f) > 12 {
			_, _ = fmt.Sscan(f[11]+" "+f[12], &user, &system)
		}
		total += time.Duration(user+system) * 10 * time.Millisecond
	}
	return total
}

func mustAnswer(t *testing.T, address, token string, status int) {
	t.Helper()
	req, _ := http.NewRequest("GET", "http://"+address+proxyPath, nil)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != status {
		t.Fatalf("%s answers %s, want %d", address, resp.Status, status)
	}
}

// run asks over one connection per client, with as little of its own to do as
// possible. Latencies are in microseconds.
func (l traffic) run(t *testing.T, address, token string) (rate, p50, p99 float64) {
	t.Helper()
	request := []byte(l.method + " " + proxyPath + " HTTP/1.1\r\nHost: payments.internal\r\nUser-Agent: bench\r\nAccept: */*\r\nAuthorization: Bearer " + token + "\r\n")
	if l.body > 0 {
		request = fmt.Appendf(request, "Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", l.body, strings.Repeat("x", l.body))
	} else {
		request = append(request, "\r\n"...)
	}
	begin := time.Now()
	end := begin.Add(window)
	var mu sync.Mutex
	var wait sync.WaitGroup
	var latencies []float64
	for n := range l.clients {
		wait.Go(func() {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			answers := bufio.NewReader(conn)
			var mine []float64
			next := begin.Add(l.pace * time.Duration(n) / time.Duration(l.clients))
			for ; ; next = next.Add(l.pace) {
				if l.pace > 0 {
					time.Sleep(time.Until(next))
				}
				start := time.Now()
				if start.After(end) {
					break
				}
				_, _ = conn.Write(request)
				resp, err := http.ReadResponse(answers, nil)
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Errorf("%v %v", resp, err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				mine = append(mine, float64(time.Since(start).Nanoseconds())/1000)
			}
			mu.Lock()
			defer mu.Unlock()
			latencies = append(latencies, mine...)
		})
	}
	wait.Wait()
	slices.Sort(latencies)
	return float64(len(latencies)) / window.Seconds(), latencies[len(latencies)/2], latencies[len(latencies)*99/100]
}
