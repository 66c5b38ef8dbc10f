package pgwire

import (
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Severities of ErrorResponse.
const (
	severityError = "ERROR"
	severityFatal = "FATAL"
)

// appendError appends an ErrorResponse with the fields S V C M and, where they are known, D H P W s t c n.
func appendError(dst []byte, e *errs.Error) []byte {
	severity := e.Severity
	if severity == "" {
		severity = severityError
	}
	dst, at := begin(dst, 'E')
	dst = appendField(dst, 'S', severity)
	dst = appendField(dst, 'V', severity)
	dst = appendField(dst, 'C', string(e.Code))
	dst = appendField(dst, 'M', e.Message)
	dst = appendField(dst, 'D', e.Detail)
	dst = appendField(dst, 'H', e.Hint)
	if e.Position > 0 {
		dst = appendField(dst, 'P', strconv.Itoa(e.Position))
	}
	dst = appendField(dst, 'W', e.Context)
	dst = appendField(dst, 's', e.Object.Schema)
	dst = appendField(dst, 't', e.Object.Table)
	dst = appendField(dst, 'c', e.Object.Column)
	dst = appendField(dst, 'n', e.Object.Constraint)
	return end(append(dst, 0), at)
}

// appendNotice appends a NoticeResponse.
func appendNotice(dst []byte, severity, code, message string, detail []string) []byte {
	dst, at := begin(dst, 'N')
	dst = appendField(dst, 'S', severity)
	dst = appendField(dst, 'V', severity)
	dst = appendField(dst, 'C', code)
	dst = appendField(dst, 'M', message)
	dst = appendField(dst, 'D', strings.Join(detail, "\n"))
	return end(append(dst, 0), at)
}

// appendField appends a field that is not empty. A zero byte inside would end it early and desynchronise the client.
func appendField(dst []byte, field byte, value string) []byte {
	if value == "" {
		return dst
	}
	if strings.IndexByte(value, 0) >= 0 {
		value = strings.ReplaceAll(value, "\x00", "\\x00")
	}
	dst = append(dst, field)
	dst = append(dst, value...)
	return append(dst, 0)
}

func fatal(code errs.Code, format string, args ...any) *errs.Error {
	e := errs.New(code, format, args...)
	e.Severity = severityFatal
	return e
}
