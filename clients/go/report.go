package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// report tells a failure in lines: its code, its message, and what it carries beside them as google.rpc.Status with
// typed details. A failure that comes from the transport or from a proxy has none.
func report(err error) string {
	failure := status.Convert(err)
	lines := []string{fmt.Sprintf("%s: %s", failure.Code(), failure.Message())}
	for _, detail := range failure.Details() {
		for _, line := range describe(detail) {
			lines = append(lines, "  "+line)
		}
	}
	return strings.Join(lines, "\n")
}

func describe(detail any) (lines []string) {
	switch detail := detail.(type) {
	case *errdetails.ErrorInfo:
		// Programs decide by the reason; messages are for people and may change.
		lines = append(lines, "reason: "+detail.Reason)
		for _, name := range slices.Sorted(maps.Keys(detail.Metadata)) {
			lines = append(lines, name+": "+detail.Metadata[name])
		}
	case *errdetails.BadRequest:
		for _, violation := range detail.FieldViolations {
			lines = append(lines, fmt.Sprintf("field %s: %s", violation.Field, violation.Description))
		}
	case *errdetails.RetryInfo:
		lines = append(lines, fmt.Sprintf("retry after: %v s", detail.RetryDelay.AsDuration().Seconds()))
	case *errdetails.QuotaFailure:
		for _, violation := range detail.Violations {
			lines = append(lines, fmt.Sprintf("quota %s: %s", violation.Subject, violation.Description))
		}
	}
	return lines
}
