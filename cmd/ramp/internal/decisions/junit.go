package decisions

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

type suite struct {
	XMLName  xml.Name `xml:"testsuite"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Time     string   `xml:"time,attr"`
	Cases    []kase   `xml:"testcase"`
}

type kase struct {
	Name    string   `xml:"name,attr"`
	Class   string   `xml:"classname,attr"`
	File    string   `xml:"file,attr"`
	Time    string   `xml:"time,attr"`
	Failure *failing `xml:"failure,omitempty"`
}

type failing struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes results in the XML that CI systems read.
func JUnit(w io.Writer, results []Result) error {
	s := suite{Name: "ramp test", Tests: len(results)}
	var took time.Duration
	for _, r := range results {
		k := kase{Name: r.Name, Class: r.Contract, File: r.Place, Time: seconds(r.Took)}
		if !r.Passed {
			s.Failures++
			k.Failure = &failing{Message: strings.Join(r.Wrong, "; "), Text: r.Answer}
		}
		took += r.Took
		s.Cases = append(s.Cases, k)
	}
	s.Time = seconds(took)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.6f", d.Seconds()) }
