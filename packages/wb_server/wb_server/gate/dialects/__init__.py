"""What each SQL dialect allows: functions, types, system tables, syntax. No I/O."""
