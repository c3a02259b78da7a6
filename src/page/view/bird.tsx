import birdUrl from '../bird.svg';

/** The linnet of the title. */
export function Bird() {
  return <img class="bird" src={birdUrl} alt="" width="44" height="44" />;
}
