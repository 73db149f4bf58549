"""What each SQL dialect allows: functions, types, system tables, syntax. Data only, no I/O."""
