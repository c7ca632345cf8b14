package revoke_test

import (
	"testing"

	"authbench/targets/revoke/revoketest"
)

func TestStrategies(t *testing.T) { revoketest.Run(t) }
