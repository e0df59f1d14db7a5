# Eight interpreters take numbers from one queue and add up what they make.
use strict;
use warnings;
use threads;
use threads::shared;
use Thread::Queue;

my $queue = Thread::Queue->new();
my %sum : shared;
my $done : shared = 0;

sub work {
	while (defined(my $n = $queue->dequeue())) {
		my $x = 0;
		$x = ($x * 31 + $_ * $n) % 1000003 for 1 .. 200;
		select(undef, undef, undef, 0.001) if $n % 50 == 0;
		lock(%sum);
		$sum{$n} = $x;
	}
	lock($done);
	$done++;
	cond_signal($done);
	return threads->tid() > 0 ? 1 : 0;
}

my @workers = map { threads->create(\&work) } 1 .. 8;
$queue->enqueue($_) for 1 .. 2000;
$queue->end();
{
	lock($done);
	cond_wait($done) until $done == 8;
}
my $joined = 0;
$joined += $_->join() for @workers;
my $total = 0;
$total = ($total * 7 + $sum{$_}) % 1000000007 for sort { $a <=> $b } keys %sum;
print "joined $joined numbers ", scalar(keys %sum), " total $total\n";
