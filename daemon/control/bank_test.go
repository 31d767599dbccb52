package control

import (
	"lockerd/daemon/bank"
	"lockerd/daemon/control/controltest"
)

var (
	_ Bank = (*bank.Bank)(nil)
	_ Bank = (*controltest.Bank)(nil)
)
