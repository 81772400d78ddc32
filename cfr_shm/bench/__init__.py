"""Measurements that users can repeat: the incidents replayed, scaling, and long runs."""
